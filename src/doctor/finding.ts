// A finding of the doctor: whether one thing keeps the machine from being provisioned, and what to do.

type Verdict = 'pass' | 'warn' | 'fail';

export interface Finding {
  /** The thing examined: "link", "server certificate", … */
  check: string;
  verdict: Verdict;
  message: string;
  /** The next step for a person; null if it passed. */
  next: string | null;
}

export function pass(check: string, message: string): Finding {
  return { check, verdict: 'pass', message, next: null };
}

export function warn(check: string, message: string, next: string): Finding {
  return { check, verdict: 'warn', message, next };
}

export function fail(check: string, message: string, next: string): Finding {
  return { check, verdict: 'fail', message, next };
}
