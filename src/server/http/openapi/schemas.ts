// The schemas that the document defines once and refers to by name: every body, every answer, and each variant of
// a union, so that generated clients have a type for each.
import type { TSchema } from 'typebox';
import {
  CheckinRequest,
  CheckinResponse,
  ErrorResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  ProblemResponse,
  About,
  Readiness,
  Status,
  WorkflowEvent,
} from '../../../model/api/agent.ts';
import { Plan } from '../../../model/documents/plan.ts';
import { Template, TemplateAction, templateActions } from '../../../model/documents/template.ts';
import { Workflow } from '../../../model/documents/workflow.ts';
import { IdentityConflict } from '../../../model/history.ts';
import { AuditList } from '../../../model/api/administration/audit.ts';
import { LogsRequest, MachineLogs } from '../../../model/api/logs.ts';
import {
  DamagedList,
  DamagedRaw,
  DamagedRecordView,
} from '../../../model/api/administration/damaged.ts';
import {
  BulkRequest,
  BulkResponse,
  MachineCreate,
  MachineHistoryAnswer,
  MachineList,
  MachinePatch,
  MachineView,
  TagList,
  TagRemoval,
} from '../../../model/api/machines.ts';
import { ConflictAccept, ConflictList } from '../../../model/api/conflicts.ts';
import {
  Myself,
  NewTokenRequest,
  SignInWays,
  TokenCreated,
  TokenList,
} from '../../../model/api/administration/tokens.ts';
import {
  DeliveryList,
  DeliveryQueued,
  DeliveryView,
  NewWebhookRequest,
  Redelivered,
  RedeliverRequest,
  WebhookCreated,
  WebhookList,
  WebhookPatch,
  WebhookSecret,
  WebhookView,
} from '../../../model/api/administration/webhooks.ts';
import {
  NewSessionRequest,
  SessionCreated,
  SessionList,
  SessionsEnded,
} from '../../../model/api/administration/sessions.ts';
import { Setting, SettingList, SettingValue } from '../../../model/api/administration/settings.ts';
import { TemplateList, TemplateTrial, TemplateView } from '../../../model/api/templates.ts';
import {
  PlanAnswer,
  WorkflowCounts,
  WorkflowCreate,
  WorkflowList,
} from '../../../model/api/workflows.ts';

/** The variants of a union by the value of the field that tells them apart. */
interface Union {
  readonly name: string;
  readonly schema: TSchema;
  readonly tag: string;
  readonly variants: ReadonlyMap<string, TSchema>;
}

export const unions: readonly Union[] = [
  {
    name: 'WorkflowEvent',
    schema: WorkflowEvent,
    tag: 'type',
    variants: new Map(WorkflowEvent.anyOf.map((one) => [one.properties.type.const, one])),
  },
  {
    name: 'TemplateAction',
    schema: TemplateAction,
    tag: 'action',
    variants: new Map<string, TSchema>(Object.entries(templateActions)),
  },
];

/** "action_started" of WorkflowEvent: WorkflowEventActionStarted. */
export function variantName(union: string, value: string): string {
  const words = value.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return union + words.join('');
}

export const named: Readonly<Record<string, TSchema>> = {
  Machine: MachineView,
  MachineList,
  MachineCreate,
  MachinePatch,
  MachineHistory: MachineHistoryAnswer,
  MachineLogs,
  BulkRequest,
  BulkResponse,
  Template,
  TemplateView,
  TemplateList,
  TemplateTrial,
  TemplateAction,
  Workflow,
  WorkflowList,
  WorkflowCounts,
  WorkflowEvent,
  CreateWorkflow: WorkflowCreate,
  Plan,
  PlanAnswer,
  IdentityConflict,
  ConflictList,
  AcceptConflict: ConflictAccept,
  Setting,
  SettingList,
  SettingValue,
  TagList,
  TagRemoval,
  AuditList,
  DamagedRecord: DamagedRecordView,
  DamagedList,
  DamagedRaw,
  CreateWebhook: NewWebhookRequest,
  Webhook: WebhookView,
  WebhookPatch,
  WebhookList,
  WebhookCreated,
  WebhookSecret,
  WebhookDelivery: DeliveryView,
  WebhookDeliveryList: DeliveryList,
  WebhookDeliveryQueued: DeliveryQueued,
  RedeliverWebhook: RedeliverRequest,
  WebhookRedelivered: Redelivered,
  CreateToken: NewTokenRequest,
  CreateSession: NewSessionRequest,
  SessionCreated,
  SessionsEnded,
  SessionList,
  TokenCreated,
  TokenList,
  Myself,
  SignInWays,
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  SendLogs: LogsRequest,
  About,
  Readiness,
  Status,
  Error: ErrorResponse,
  Problem: ProblemResponse,
  ...Object.fromEntries(
    unions.flatMap(({ name, variants }) =>
      [...variants].map(([value, schema]) => [variantName(name, value), schema] as const),
    ),
  ),
};
