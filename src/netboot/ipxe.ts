// Lines of iPXE script that do not give up: a step is tried again, with longer and longer pauses, and says
// what it waits for. iPXE's --timeout counts the time without progress, so a slow transfer is left alone.
import { longestPauseSeconds, pausesFor } from './patience.ts';

/** A transfer that stands still for so long has failed. */
export const stalledMs = 30_000;

/** A script is small: a server that has not sent it after so long is not there. Less than a stalled transfer has, since this is
 *  the wait of a machine whose server is down, which has to reach its disk. */
const unansweredSeconds = 10;
export const unansweredMs = unansweredSeconds * 1000;

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

/** The lines of a step, from its label on. A longest pause after a try that nobody answered in the time that a script has is
 *  shorter by that time. iPXE compares numbers for equality alone, and connecting may have taken a second or two. An iPXE that does not know
 *  the time makes the whole pause. */
export function patiently(step: Step): string[] {
  const { label, says, command, next, giveUpSeconds, giveUpTo } = step;
  const tries = giveUpSeconds === undefined ? undefined : pausesFor(giveUpSeconds).length + 1;
  return [
    'set tries:int32 0',
    'set pause:int32 1',
    `:${label}`,
    `echo ${says}`,
    'set late:uint32 ${unixtime}',
    `inc late ${unansweredSeconds}`,
    `${command} && goto ${next} ||`,
    'inc tries',
    ...(tries === undefined ? [] : [`iseq \${tries} ${tries} && goto ${giveUpTo} ||`]),
    'set wait ${pause}',
    'iseq ${unixtime} ${late} || inc late',
    'iseq ${unixtime} ${late} || inc late',
    `iseq \${unixtime} \${late} && iseq \${pause} ${longestPauseSeconds} && set wait ${longestPauseSeconds - unansweredSeconds} ||`,
    `echo That failed (try \${tries}${tries === undefined ? '' : ` of ${tries}`}). Trying again in \${wait} s.`,
    'sleep ${wait}',
    `iseq \${pause} ${longestPauseSeconds} || inc pause \${pause}`,
    `goto ${label}`,
    `:${next}`,
  ];
}

/** A whole script of these lines. */
export function script(lines: readonly string[]): string {
  return `${['#!ipxe', ...lines].join('\n')}\n`;
}
