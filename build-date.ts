// The date that stands in what is built, so that two builds of one commit give the same bytes.
import { execFileSync } from 'node:child_process';

/** SOURCE_DATE_EPOCH, else the time of the last commit; now where there is no repository. */
export function buildDate(): Date {
  const given = process.env['SOURCE_DATE_EPOCH'] ?? lastCommit();
  return given === undefined ? new Date() : new Date(Number(given) * 1000);
}

function lastCommit(): string | undefined {
  try {
    return execFileSync('git', ['log', '-1', '--format=%ct'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}
