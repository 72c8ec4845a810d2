// Long work in pieces: each piece gets a turn of the event loop of its own, so that what is waiting meanwhile,
// heartbeats above all, waits for one piece alone, however many such works there are.

let last: Promise<void> = Promise.resolve();

/** Resolves in a turn that no other piece has. */
export function nextTurn(): Promise<void> {
  last = last.then(
    () =>
      new Promise((resolve) => {
        setImmediate(resolve);
      }),
  );
  return last;
}
