// A style sheet that not every page needs.

/** Load it once; resolves when it applies, so that nothing is shown without its form. */
export function sheet(name: string): Promise<void> {
  if (document.querySelector(`link[href="${name}"]`)) return Promise.resolve();
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = name;
  const done = new Promise<void>((resolve, reject) => {
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => reject(new Error(name)));
  });
  document.head.append(link);
  return done;
}
