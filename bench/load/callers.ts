// Many callers at once, each of which waits for one answer before it goes on.

/** Runs the operations with so many callers. */
export async function withCallers(
  callers: number,
  operations: number,
  operate: (n: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < operations) await operate(next++);
  };
  await Promise.all(Array.from({ length: callers }, caller));
}
