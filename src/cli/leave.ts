// Ends a process that has a thread stuck in the kernel.

/** Ends this process with `code` once its output is written. Returning from main and `process.exit()` both
 *  wait for libuv's threads, forever if one is stuck; replacing the program does not. Never resolves. */
export async function leave(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => {
      stream.write('', () => {
        resolve();
      });
    });
  }
  process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  // Reached only without execve (Windows), where none of our reads get stuck.
  process.exit(code);
}
