// Requests and answers about workflows, between operators (the page, scripts) and the server.
import { Type, type Static } from 'typebox';
import { TemplateName } from '../documents/template.ts';
import { Plan } from '../documents/plan.ts';
import { Workflow } from '../documents/workflow.ts';
import { nullable } from '../fields.ts';
import { damaged } from './administration/damaged.ts';
import { MachineId, Paging, strict } from './request.ts';

/** Names one plan: of a machine, its disk and what is on it, the template filled in, its images, what is accepted. */
export const PlanDigest = Type.String({
  minLength: 1,
  maxLength: 512,
  pattern: '^[\\w.~-]+$',
  description:
    'plan_digest of a dry run: where the plan is another one by now, the order is refused',
});

export const WorkflowCreate = Type.Object(
  {
    machine_id: MachineId,
    template: Type.Optional(
      Type.String({ ...TemplateName, description: "default: the machine's os_choice" }),
    ),
    reimage: Type.Optional(
      Type.Boolean({ description: 'what is on the planned disk may be overwritten' }),
    ),
    confirmed: Type.Optional(
      Type.Boolean({
        description: "the machine's agent is known not to compare its disk with the plan",
      }),
    ),
    retry: Type.Optional(
      Type.Boolean({ description: 'run again by itself, twice at most, if its machine is reset' }),
    ),
    plan_digest: Type.Optional(PlanDigest),
    dry_run: Type.Optional(
      Type.Boolean({ description: 'answers the plan of the workflow, and makes none' }),
    ),
  },
  strict,
);
export type WorkflowCreate = Static<typeof WorkflowCreate>;

/** The answer to a dry run. */
export const PlanAnswer = Type.Object({
  ...Plan.properties,
  plan_digest: Type.String({ description: 'to be sent with the order' }),
});
export type PlanAnswer = Static<typeof PlanAnswer>;

const states = ['pending', 'running', 'success', 'failed', 'timeout', 'cancelled'] as const;
/** The states that workflows are asked for by. */
export const askedStates = ['active', 'ended', ...states] as const;

const Since = Type.Optional(
  Type.String({ format: 'date-time', description: 'only those made from then on' }),
);

export const WorkflowListQuery = Type.Object(
  {
    machine_id: Type.Optional(MachineId),
    state: Type.Optional(
      Type.Enum(askedStates, {
        description: 'only those in it; active: pending or running; ended: any other',
      }),
    ),
    since: Since,
    order: Type.Optional(Type.Enum(['oldest', 'newest'], { default: 'oldest' })),
    ...Paging,
  },
  strict,
);
export type WorkflowListQuery = Static<typeof WorkflowListQuery>;

export const WorkflowList = Type.Object({
  workflows: Type.Array(Workflow),
  damaged,
  next_cursor: nullable(Type.String()),
});

export const WorkflowCountQuery = Type.Object({ since: Since }, strict);

/** The number of workflows in each state; a cancelled one is not counted as failed. */
export const WorkflowCounts = Type.Object({
  counts: Type.Object({
    pending: Type.Integer(),
    running: Type.Integer(),
    success: Type.Integer(),
    failed: Type.Integer(),
    timeout: Type.Integer(),
    cancelled: Type.Integer(),
  }),
});
export type WorkflowCounts = Static<typeof WorkflowCounts>;
