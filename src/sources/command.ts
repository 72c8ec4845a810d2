// Runs a command of the host, bounded in time and output.
import { AppError } from '../core/errors.ts';

const maxOutputBytes = 8 * 1024 * 1024;
const searchPath = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Standard output of a command, which runs in the C locale with nothing on its standard input;
 *  undefined when there is no such command.
 *  Errors: AppError `exec.failed`, `read.too-large`, `read.timeout`. */
export async function runCommand(
  tool: string,
  args: readonly string[],
  timeoutMs = 10_000,
): Promise<string | undefined> {
  const { execFile } = await import('node:child_process');
  const env = { PATH: searchPath, LC_ALL: 'C' };
  return await new Promise((resolve, reject) => {
    const options = {
      env,
      timeout: timeoutMs,
      maxBuffer: maxOutputBytes,
      killSignal: 'SIGKILL',
    } as const;
    const child = execFile(tool, [...args], options, (err, stdout) => {
      if (err === null) resolve(stdout);
      else if (err.code === 'ENOENT') resolve(undefined);
      else reject(new AppError('exec.failed', `${tool} failed`, { cause: err, details: { tool } }));
    });
    child.stdin?.end();
  });
}
