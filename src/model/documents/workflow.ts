// The stored Workflow document (camelCase, as Dragonfly writes it). Unknown fields are kept.
import { Type, type Static } from 'typebox';
import { Plan } from './plan.ts';
import { Template } from './template.ts';
import { nullable, U64, U8 } from '../fields.ts';

export const WorkflowState = Type.Enum([
  'STATE_PENDING',
  'STATE_RUNNING',
  'STATE_SUCCESS',
  'STATE_FAILED',
  'STATE_TIMEOUT',
]);
export type WorkflowState = Static<typeof WorkflowState>;

export const WorkflowAction = Type.Object({
  name: Type.String(),
  status: WorkflowState,
  startedAt: Type.Optional(nullable(Type.String())),
  completedAt: Type.Optional(nullable(Type.String())),
  seconds: Type.Optional(nullable(U64({ description: 'whole ones' }))),
  message: Type.Optional(nullable(Type.String())),
  transferredBytes: Type.Optional(U64({ description: 'ours: so far, where its agent says so' })),
  totalBytes: Type.Optional(U64({ description: 'ours: to transfer' })),
  report: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]),
      { description: 'ours: what was done, by the action: bytes, seconds, hash' },
    ),
  ),
  output: Type.Optional(
    Type.Array(Type.String(), {
      description: 'ours: the last lines that it printed before it failed',
    }),
  ),
});
export type WorkflowAction = Static<typeof WorkflowAction>;

export const Workflow = Type.Object({
  apiVersion: Type.Optional(Type.String()),
  kind: Type.Literal('Workflow'),
  metadata: Type.Object({ name: Type.String({ description: 'its UUID' }) }),
  held: Type.Optional(
    Type.String({ description: 'ours: why it is not carried out before it is released' }),
  ),
  spec: Type.Object({
    hardwareRef: Type.String({ description: "the machine's UUID" }),
    templateRef: Type.String(),
    hardwareMap: Type.Optional(Type.Record(Type.String(), Type.String())),
    reimage: Type.Optional(
      Type.Boolean({ description: 'ours: an existing OS may be overwritten' }),
    ),
    retry: Type.Optional(
      Type.Boolean({ description: 'ours: run again by itself after its machine was reset' }),
    ),
    plan: Type.Optional(Plan),
    template: Type.Optional(Template),
    writesDisks: Type.Optional(
      Type.Boolean({ description: 'ours: by the template it was made of' }),
    ),
    bootOptions: Type.Optional(
      nullable(
        Type.Object({
          toggleAllowNetboot: Type.Optional(Type.Boolean()),
          isoUrl: Type.Optional(nullable(Type.String())),
          bootMode: Type.Optional(nullable(Type.Enum(['netboot', 'iso', 'local']))),
        }),
      ),
    ),
  }),
  status: Type.Optional(
    nullable(
      Type.Object({
        state: WorkflowState,
        currentAction: Type.Optional(nullable(Type.String())),
        progress: Type.Optional(nullable(U8({ description: 'percent' }))),
        globalTimeout: Type.Optional(nullable(U64({ description: 'seconds' }))),
        startedAt: Type.Optional(nullable(Type.String())),
        completedAt: Type.Optional(nullable(Type.String())),
        error: Type.Optional(nullable(Type.String())),
        cancelled: Type.Optional(Type.Boolean({ description: 'ours: an operator ended it' })),
        startedByBoot: Type.Optional(
          nullable(
            Type.String({
              description: 'ours: boot_id of the boot that runs it; null: it sends none',
            }),
          ),
        ),
        attempts: Type.Optional(
          Type.Integer({ description: 'ours: how often it was begun before, and interrupted' }),
        ),
        bootAskedAt: Type.Optional(
          Type.String({
            description: 'ours: when its machine asked for a boot script while it ran',
          }),
        ),
        lastEventAt: Type.Optional(
          Type.String({ description: 'ours: when its agent was last heard of it' }),
        ),
        confirmed: Type.Optional(
          Type.Boolean({
            description:
              'ours: true where the installed system gave a sign; false where none was seen',
          }),
        ),
        ranSeconds: Type.Optional(
          U64({ description: "ours: how long it has run, by the servers' monotonic clocks" }),
        ),
        left: Type.Optional(
          Type.Object(
            {
              at: Type.String(),
              afterSeconds: Type.Optional(Type.Number()),
              awaySinceSeconds: Type.Optional(Type.Number()),
              sentAt: Type.Optional(Type.String()),
              isOverdue: Type.Optional(
                Type.Boolean({ description: 'the installed system was not heard of in time' }),
              ),
            },
            {
              description:
                'ours: its last action was reached, and the machine leaves the agent; seconds as in ranSeconds',
            },
          ),
        ),
        actions: Type.Optional(Type.Array(WorkflowAction)),
      }),
    ),
  ),
});
export type Workflow = Static<typeof Workflow>;

export type WorkflowStatus = NonNullable<Workflow['status']>;

export { isActive } from './workflow-state.ts';

/** Seconds as Dragonfly's types have them. */
export function wholeSeconds(seconds: number): number {
  return Math.max(0, Math.round(seconds));
}

/** A stored workflow with whole seconds: version 0.1.0 kept parts of them, at which Dragonfly's own agent
 *  exits. */
export function withWholeSeconds(workflow: Workflow): Workflow {
  const { status } = workflow;
  const actions = status?.actions ?? [];
  if (!status || actions.every(({ seconds }) => typeof seconds !== 'number' || isWhole(seconds))) {
    return workflow;
  }
  const mended = actions.map((action) =>
    typeof action.seconds === 'number'
      ? { ...action, seconds: wholeSeconds(action.seconds) }
      : action,
  );
  return { ...workflow, status: { ...status, actions: mended } };
}

function isWhole(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= 0;
}
