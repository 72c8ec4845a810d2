// Lines of iPXE script that do not give up: a step is tried again, with longer and longer pauses, and says
// what it waits for. iPXE's --timeout counts the time without progress, so a slow transfer is left alone.
import { longestPauseSeconds, pausesFor } from './patience.ts';

/** A transfer that stands still for so long has failed. */
export const stalledMs = 30_000;

/** A script is small: a server that has not sent it after so long is not there. Less than a stalled transfer has, since this is
 *  the wait of a machine whose server is down, which has to reach its disk. */
export const unansweredMs = 10_000;

/** One step that is tried until it works. */
export interface Step {
  /** A label of its own in the script. */
  readonly label: string;
  /** Said before each try. */
  readonly says: string;
  readonly command: string;
  /** The label of what is next when the step works; it must follow. */
  readonly next: string;
  /** Seconds after which the step is given up and `giveUpTo` is next. Left out: never. */
  readonly giveUpSeconds?: number | undefined;
  readonly giveUpTo: string;
}

/** The lines of a step, from its label on. */
export function patiently(step: Step): string[] {
  const { label, says, command, next, giveUpSeconds, giveUpTo } = step;
  const tries = giveUpSeconds === undefined ? undefined : pausesFor(giveUpSeconds).length + 1;
  return [
    'set tries:int32 0',
    'set pause:int32 1',
    `:${label}`,
    `echo ${says}`,
    `${command} && goto ${next} ||`,
    'inc tries',
    ...(tries === undefined ? [] : [`iseq \${tries} ${tries} && goto ${giveUpTo} ||`]),
    `echo That failed (try \${tries}${tries === undefined ? '' : ` of ${tries}`}). Trying again in \${pause} s.`,
    'sleep ${pause}',
    `iseq \${pause} ${longestPauseSeconds} || inc pause \${pause}`,
    `goto ${label}`,
    `:${next}`,
  ];
}

/** A whole script of these lines. */
export function script(lines: readonly string[]): string {
  return `${['#!ipxe', ...lines].join('\n')}\n`;
}
