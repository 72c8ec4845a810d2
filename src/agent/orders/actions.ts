// Runs a workflow's actions, each once within a boot, and reports each as an event. A workflow that is wrong
// in any part is refused as a whole, before anything changes.
import type { Clock } from '../../core/clock.ts';
import { AppError, describeError, isAppError } from '../../core/errors.ts';
import type { Bookmark } from '../../actions/action.ts';
import type { WorkflowEvent } from '../../model/api/agent.ts';
import type { TemplateActionToRun, TemplateToRun } from '../../transport/answers.ts';
import { withDeadline } from '../../core/deadline.ts';
import { cut } from '../../core/text/unicode.ts';
import type { Journal, JournalEntry } from './journal.ts';

export interface ActionProgress {
  readonly percent?: number;
  readonly message?: string;
  readonly bytes_transferred?: number;
  readonly bytes_total?: number;
  readonly eta_secs?: number;
}

/** The outcome of an action. */
export interface ActionOutcome {
  /** A sentence for people. */
  readonly message?: string;
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
  /** Leaves this boot. Done at the workflow's end, when everything is reported, because nothing can follow it. */
  readonly leave?: (() => Promise<void>) | undefined;
}

export interface RunnerContext {
  readonly signal: AbortSignal;
  readonly progress: (p: ActionProgress) => void;
  /** Takes a line for the report: the last ones are told if the action fails. */
  readonly note: (line: string) => void;
  /** The last one of a run of this action that ended with the agent's process, in this boot. */
  readonly bookmark?: Bookmark | undefined;
  /** Replaces the bookmark. Never fails: without it a later run begins anew. */
  readonly setBookmark?: (bookmark: Bookmark) => Promise<void>;
}

/** Does one action. Errors: any; the workflow then ends as failed. */
export type ActionRunner = (
  fields: Readonly<Record<string, unknown>>,
  context: RunnerContext,
) => Promise<ActionOutcome | void>;

/** The runners by the name of their action. */
export type ActionRunners = Readonly<Record<string, ActionRunner>>;

export interface WorkflowContext {
  readonly runners: ActionRunners;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Tells the server that this boot begins, and waits for its consent: no action runs without it, or a
   *  later boot might be told to begin again. Errors: those of the transport. */
  readonly begin: () => Promise<void>;
  readonly report: (event: WorkflowEvent) => void;
  /** Takes each line that actions note. */
  readonly note?: ((line: string) => void) | undefined;
  /** Resolves when what was reported has been delivered, or cannot be for now. */
  readonly flush: () => Promise<void>;
  /** Looks at an action's fields before the first action runs. Errors: AppError `action.invalid`. */
  readonly check?: ((action: TemplateActionToRun) => void) | undefined;
  /** Remembers across a restart of the agent what was done. */
  readonly journal?: Journal | undefined;
}

/** The number of an action's notes that are kept for the report of a failure. */
const keptNotes = 20;
const maxMessage = 1_000;

/** Runs the actions of a workflow's template one after another. Resolves when it has succeeded, to what
 *  is to be done last. Errors: those of `begin`, with nothing done; AppError `action.unsupported`,
 *  `action.invalid`, `action.failed`, which were reported as events; the reason of the signal. */
export async function runWorkflow(
  workflow: string,
  template: TemplateToRun,
  context: WorkflowContext,
): Promise<(() => Promise<void>) | undefined> {
  const { report, clock, signal, journal, check } = context;
  await context.begin();
  let leave: ActionOutcome['leave'];
  try {
    const runs = template.actions.map((action) => [action, runnerOf(action, context)] as const);
    for (const [action] of runs) check?.(action);
    const actions = template.actions.map(({ action }) => action);
    const before = (journal && (await journal.of(workflow))) ?? { finished: 0 };
    const { finished, bookmark } = before;
    refuseToGoOn(workflow, before, actions);
    await within(clock, template.timeoutSeconds, signal, async (inTime) => {
      for (const [index, [action, runner]] of runs.entries()) {
        if (index < finished) continue;
        const marks = {
          bookmark: index === finished ? bookmark : undefined,
          setBookmark: async (mark: Bookmark) =>
            await journal
              ?.note(workflow, { finished: index, actions, bookmark: mark })
              .catch(() => {}),
        };
        const outcome = await runAction(workflow, action, runner, inTime, { ...context, marks });
        leave = outcome?.leave ?? leave;
        // An action that leaves this boot is repeated if the boot goes on.
        if (leave === undefined) await journal?.note(workflow, { finished: index + 1, actions });
      }
    });
  } catch (err) {
    // An agent that is stopped goes on with the workflow when it is started again.
    if (signal.aborted && !isAppError(signal.reason, 'action.cancelled')) throw err;
    await journal?.note(workflow, { finished: 0, hasFailed: true });
    // Nobody waits for the end of a workflow that is over.
    if (signal.aborted) throw signal.reason;
    report({
      type: 'completed',
      workflow,
      success: false,
      error: cut(describeError(err), maxMessage),
    });
    await context.flush();
    throw err;
  }
  report({ type: 'completed', workflow, success: true });
  await context.flush();
  return leave;
}

/** Errors: AppError `action.failed` where this boot has failed with the workflow, or has begun with other actions: a
 *  server of version 0.1.0 gives the template as it is by now. */
function refuseToGoOn(
  workflow: string,
  { finished, actions, hasFailed = false }: JournalEntry,
  now: readonly string[],
): void {
  if (hasFailed) throw new AppError('action.failed', `workflow ${workflow} has failed before`);
  const isSame = actions === undefined || actions.join(' ') === now.join(' ');
  if (finished === 0 || isSame) return;
  throw new AppError(
    'action.failed',
    `the template has other actions than when the agent, restarted since, began with it; run it again`,
  );
}

async function runAction(
  workflow: string,
  { action, timeoutSeconds, fields }: TemplateActionToRun,
  runner: ActionRunner,
  inTime: AbortSignal,
  context: WorkflowContext & { readonly marks: Pick<RunnerContext, 'bookmark' | 'setBookmark'> },
): Promise<ActionOutcome | void> {
  const { report, clock, signal, marks } = context;
  const notes: string[] = [];
  const note = (line: string): void => {
    context.note?.(line);
    notes.push(line);
    if (notes.length > keptNotes) notes.shift();
  };
  report({ type: 'action_started', workflow, action });
  let last = { percent: 0, message: '' };
  const progress = (now: ActionProgress): void => {
    const whole = wholeProgress({ ...last, ...now });
    last = { percent: whole.percent, message: whole.message };
    report({ type: 'action_progress', workflow, action, progress: whole });
  };
  try {
    const outcome = await within(clock, timeoutSeconds, inTime, (inItsTime) =>
      runner(fields, { signal: inItsTime, progress, note, ...marks }),
    );
    if (outcome?.message !== undefined) {
      progress({ percent: 100, message: cut(outcome.message, maxMessage) });
    }
    const { details } = outcome ?? {};
    report({
      type: 'action_completed',
      workflow,
      action,
      success: true,
      ...(details === undefined ? {} : { report: details }),
    });
    return outcome;
  } catch (err) {
    if (signal.aborted) throw err;
    progress({ message: cut(describeError(err), maxMessage) });
    const printed = outputOf(err);
    // Most actions note what their programs print.
    const others = notes.filter((line) => !printed.includes(line));
    const output = [...others, ...printed].slice(-keptNotes);
    report({ type: 'action_completed', workflow, action, success: false, output });
    throw new AppError('action.failed', `action "${action}" of workflow ${workflow} failed`, {
      cause: err,
    });
  }
}

/** The last lines that a failed program printed, of the innermost failure that has some. */
function outputOf(err: unknown): string[] {
  let lines: string[] = [];
  for (let e = err; e instanceof Error; e = e.cause) {
    const output: unknown = isAppError(e) ? e.details['output'] : undefined;
    if (Array.isArray(output)) lines = output.map(String);
  }
  return lines;
}

/** Dragonfly's server takes no progress without both fields, and no part of a percent. */
function wholeProgress<T extends { readonly percent: number }>(progress: T): T {
  return { ...progress, percent: Math.round(Math.min(Math.max(progress.percent, 0), 100)) };
}

function runnerOf({ action }: TemplateActionToRun, { runners }: WorkflowContext): ActionRunner {
  const runner = Object.hasOwn(runners, action) ? runners[action] : undefined;
  if (runner !== undefined) return runner;
  throw new AppError(
    'action.unsupported',
    `this agent does not support the action "${action}" (it supports ${Object.keys(runners).join(', ') || 'none'})`,
  );
}

function within<T>(
  clock: Clock,
  seconds: number | undefined,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return seconds === undefined
    ? work(signal)
    : withDeadline(clock, seconds * 1_000, signal, work, 'end');
}
