# ruff: noqa: E501 - a sentence is not broken in two
"""What can be wrong in a file of rule tests (`config.rule_tests`): code -> Chinese, English. See `config.texts`."""

TEXTS = {
    "test_values": ("`{value}` 不是数值序列。请写 `80x60 200 _x10 100+5x4 truex3` 这样的词。", "`{value}` is no series of values. Write words like `80x60 200 _x10 100+5x4 truex3`."),
    "test_instant": ("`{value}` 不是时刻。请写 `2026-11-24 00:00`。", "`{value}` is no moment. Write it as in `2026-11-24 00:00`."),
    "test_at": ("`{value}` 不是时刻。请写 `45 min`（自 start 起）或 `2026-11-24 00:45`。", "`{value}` is no moment. Write `45 min`, counted from the start, or `2026-11-24 00:45`."),
    "test_before": ("`{value}` 早于测试开始的 {start}。请改正。", "`{value}` is before the test begins, at {start}. Correct one of them."),
    "test_kind": ("`{quantity}` 不能取值 `{value}`。真假量写 true、false，数值写数字。", "`{quantity}` cannot be `{value}`. Write true or false where a truth is meant, else numbers."),
    "test_is": ("这里不能写 `is: {value}`。可写：{known}。", "`is: {value}` is not possible here. Possible: {known}."),
    "test_alarm_only": ("`{value}` 只能与 `alarm` 一起写。请删去。", "`{value}` goes with `alarm` only. Take it out."),
    "test_nothing": ("没有可测试的配置。请在文件中写 `devices`，或把文件放在 cityward.yaml 所在目录之下。", "There is no configuration to test. Write `devices` in this file, or put it below the directory that holds cityward.yaml."),
    "test_own": ("没有 `devices`，测试的是所在目录的配置；`{value}` 不会被使用。请删去，或写 `devices`。", "Without `devices` the configuration of the directory is tested, and `{value}` is not looked at. Take it out, or write `devices`."),
    "test_not_said": ("该设备不提供 `{value}`。它提供：{known}。", "The device does not deliver `{value}`. It delivers {known}."),
    "test_rule": ("没有规则 `{value}`，报警不可能出现。已有：{known}。", "There is no rule `{value}`, so such an alarm cannot be. There are {known}."),
}  # fmt: skip
