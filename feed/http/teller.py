"""Commands of people: handed to the pipeline, waited for, written into the audit trail."""

from msgspec import Struct

from feed.audit_row import audited
from feed.behind import Behind
from feed.http.asking import answer_of
from feed.http.auditor import Auditor
from feed.http.problems import Problem, ProblemError
from rules.records import Answer, Command


class Teller(Struct, frozen=True):
    """Tells the pipeline what people want, and the audit trail what became of it."""

    behind: Behind
    auditor: Auditor

    async def tell(self, asked: Command) -> Answer:
        """Have a command carried out. Raises ProblemError as `answer_of` does: nobody knows yet whether it was."""
        try:
            answer = await answer_of(self.behind.submit(asked), "命令")
        except ProblemError as error:
            await self._audit(asked, error.problem)
            raise
        await self.auditor.write(audited(asked, answer))
        return answer

    async def refuse(self, asked: Command, problem: Problem) -> ProblemError:
        """Write down that a command is not carried out; returns what to raise."""
        await self._audit(asked, problem)
        return ProblemError(problem)

    async def _audit(self, asked: Command, problem: Problem) -> None:
        await self.auditor.write(audited(asked, Answer(status=problem.status, detail=problem.text.en)))
