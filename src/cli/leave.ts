// Ends a process of which a thread is stuck in the kernel.

/** Ends this process with `code` once its output is written. Both returning from main and
 *  `process.exit()` wait for the threads of libuv's pool, for ever if one of them is stuck; replacing
 *  the program does not. Never resolves. */
export async function leave(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => {
      stream.write('', () => {
        resolve();
      });
    });
  }
  process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  // Only where there is no execve (Windows), and no read of ours gets stuck.
  process.exit(code);
}
