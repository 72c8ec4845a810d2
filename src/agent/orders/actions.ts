// Runs a workflow's actions and reports each as an event. A workflow with an unknown action is refused as a
// whole, before anything changes.
import type { Clock } from '../../core/clock.ts';
import { AppError, describeError } from '../../core/errors.ts';
import type { WorkflowEvent } from '../../model/api.ts';
import type { TemplateActionToRun, TemplateToRun } from '../../transport/answers.ts';
import { withDeadline } from '../../core/deadline.ts';
import { cut } from '../../core/text.ts';

export interface ActionProgress {
  readonly percent?: number;
  readonly message?: string;
}

/** Does one action. Errors: any; the workflow then ends as failed. */
export type ActionRunner = (
  fields: Readonly<Record<string, unknown>>,
  context: { readonly signal: AbortSignal; readonly progress: (p: ActionProgress) => void },
) => Promise<void>;

/** The runners by the name of their action. */
export type ActionRunners = Readonly<Record<string, ActionRunner>>;

export interface WorkflowContext {
  readonly runners: ActionRunners;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly report: (event: WorkflowEvent) => void;
  /** Resolves when what was reported has been delivered, or cannot be for now. */
  readonly flush: () => Promise<void>;
}

/** Runs the actions of a workflow's template one after another. Resolves when it has succeeded.
 *  Errors: AppError `action.unsupported`, `action.failed`; both were reported as events. */
export async function runWorkflow(
  workflow: string,
  template: TemplateToRun,
  context: WorkflowContext,
): Promise<void> {
  const { report, clock, signal } = context;
  report({ type: 'started', workflow });
  try {
    const runs = template.actions.map((action) => [action, runnerOf(action, context)] as const);
    await within(clock, template.timeoutSeconds, signal, async (inTime) => {
      for (const [action, runner] of runs)
        await runAction(workflow, action, runner, inTime, context);
    });
  } catch (err) {
    report({ type: 'completed', workflow, success: false });
    await context.flush();
    throw err;
  }
  report({ type: 'completed', workflow, success: true });
  await context.flush();
}

async function runAction(
  workflow: string,
  { action, timeoutSeconds, fields }: TemplateActionToRun,
  runner: ActionRunner,
  signal: AbortSignal,
  { report, clock }: WorkflowContext,
): Promise<void> {
  report({ type: 'action_started', workflow, action });
  let last = { percent: 0, message: '' };
  const progress = (now: ActionProgress): void => {
    last = wholeProgress({ ...last, ...now });
    report({ type: 'action_progress', workflow, action, progress: last });
  };
  try {
    await within(clock, timeoutSeconds, signal, (inTime) =>
      runner(fields, { signal: inTime, progress }),
    );
  } catch (err) {
    progress({ message: cut(describeError(err), 1_000) });
    report({ type: 'action_completed', workflow, action, success: false });
    throw new AppError('action.failed', `action "${action}" of workflow ${workflow} failed`, {
      cause: err,
    });
  }
  report({ type: 'action_completed', workflow, action, success: true });
}

/** Dragonfly's server takes no progress without both fields, and no part of a percent. */
function wholeProgress({ percent, message }: Required<ActionProgress>): Required<ActionProgress> {
  return { percent: Math.round(Math.min(Math.max(percent, 0), 100)), message };
}

function runnerOf({ action }: TemplateActionToRun, { runners }: WorkflowContext): ActionRunner {
  const runner = Object.hasOwn(runners, action) ? runners[action] : undefined;
  if (runner !== undefined) return runner;
  throw new AppError(
    'action.unsupported',
    `this agent does not support the action "${action}" (it supports ${Object.keys(runners).join(', ') || 'none'})`,
  );
}

function within(
  clock: Clock,
  seconds: number | undefined,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  return seconds === undefined ? work(signal) : withDeadline(clock, seconds * 1_000, signal, work);
}
