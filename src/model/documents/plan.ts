// The plan of a workflow: made and shown before anything is written, and kept with the workflow.
import { Type, type Static } from 'typebox';
import { DiskContents } from '../hardware/contents.ts';
import { nullable, U64 } from '../fields.ts';
import { PlannedDisk } from './planned-disk.ts';

export const PlannedAction = Type.Object({
  action: Type.String(),
  does: Type.String({ description: 'a sentence' }),
});
export type PlannedAction = Static<typeof PlannedAction>;

/** The sign, after the last action, that the workflow has succeeded. */
export const Confirmation = Type.Enum(['report', 'absence', 'boot', 'none'], {
  description:
    'report: the installed system reports; absence: the machine leaves and stays away; boot: it checks in from another boot; none',
});
export type Confirmation = Static<typeof Confirmation>;

export const Plan = Type.Object({
  /** null: no action needs one. */
  disk: nullable(PlannedDisk),
  overwrites: Type.Boolean({ description: 'all that is on the disk is lost' }),
  lost: Type.Array(Type.String(), { description: 'the systems and data on it, in words' }),
  /** null: its agent did not say. */
  contents: nullable(Type.Array(DiskContents)),
  left_alone: Type.Array(PlannedDisk),
  actions: Type.Array(PlannedAction),
  warnings: Type.Array(Type.String(), { description: 'in sentences' }),
  timeout_seconds: U64({ description: 'for the whole workflow, up to its last action' }),
  confirmation: Confirmation,
  confirmation_seconds: Type.Integer({ description: 'for that, from the last action on' }),
  enforced: Type.Boolean({
    description: "false: the machine's agent is not one that compares its disk with the plan",
  }),
});
export type Plan = Static<typeof Plan>;
