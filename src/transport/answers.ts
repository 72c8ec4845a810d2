// Checks a server's answers before anything relies on them. By hand rather than by schema: the agent loads
// no schema library, and a stock server leaves out this project's own fields.
import { AppError } from '../core/errors.ts';
import { inDragonflysSpelling } from '../model/documents/template-spelling.ts';
import type { PlannedDisk } from '../model/documents/planned-disk.ts';
import type { Action, CheckinResponse, HeartbeatResponse } from '../model/api/agent.ts';
import type { MatchedBy } from '../model/history.ts';
import { isPublicKey, mostPublicKeys } from '../model/ssh-key.ts';

/** Used if a server names no interval. */
const defaultIntervalSeconds = 30;
const knownActions: readonly Action[] = ['wait', 'execute', 'reboot', 'localboot'];
const matches: readonly MatchedBy[] = ['identity_hash', 'primary_mac', 'evidence', 'new'];
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Tokens go into a header, so they are visible ASCII. */
const headerSafe = /^[\x21-\x7e]{1,4096}$/;

/** Reads the answer to a check-in. Errors: AppError `server.garbled`. */
export function parseCheckinAnswer(body: unknown): CheckinResponse {
  const fields = record(body);
  const isNew = fields['is_new'] === true;
  const matchedBy = matches.find((m) => m === fields['matched_by']);
  const token = fields['token'];
  return {
    ...parseHeartbeatAnswer(body),
    machine_id: pattern(fields, 'machine_id', uuid),
    memorable_name: printable(pattern(fields, 'memorable_name', /^.{1,256}$/s)),
    is_new: isNew,
    matched_by: matchedBy ?? (isNew ? 'new' : 'identity_hash'),
    evidence: list(fields['evidence'])
      .filter((line) => typeof line === 'string')
      .map((line) => printable(line)),
    ...(token === undefined || token === null
      ? {}
      : { token: pattern(fields, 'token', headerSafe) }),
  };
}

/** Reads the answer to a heartbeat. Errors: AppError `server.garbled`. */
export function parseHeartbeatAnswer(body: unknown): HeartbeatResponse {
  const fields = record(body);
  const action = knownActions.find((a) => a === fields['action']);
  if (action === undefined) throw garbled('action');
  const interval = fields['heartbeat_interval_seconds'];
  return {
    action,
    workflow_id: action === 'execute' ? pattern(fields, 'workflow_id', uuid) : null,
    heartbeat_interval_seconds:
      typeof interval === 'number' && Number.isFinite(interval) ? interval : defaultIntervalSeconds,
    ...sshKeys(fields['ssh_keys']),
  };
}

/** Only what is a public key and nothing else: each becomes a line of a file. */
function sshKeys(value: unknown): Pick<HeartbeatResponse, 'ssh_keys'> {
  if (value === undefined) return {};
  const keys = list(value).filter((key) => typeof key === 'string' && isPublicKey(key));
  // The filter above leaves texts alone.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { ssh_keys: keys.slice(0, mostPublicKeys) as string[] };
}

/** The part of a Workflow document that the agent needs. */
export interface WorkflowToRun {
  readonly templateRef: string;
  /** It ended: whatever names it still, it is not to be run. */
  readonly hasEnded?: boolean;
  /** It ended well. */
  readonly hasSucceeded?: boolean;
  /** Why it is not carried out for now. */
  readonly held?: string | undefined;
  /** The boot that began it; undefined if none has, or an older server does not say. */
  readonly bootId?: string | undefined;
  /** The machine that it was made for. */
  readonly machineId?: string | undefined;
  /** The disk that the server planned; an older server plans none. */
  readonly plannedDisk?: PlannedDisk | undefined;
}

/** The part of a Template document that the agent needs. */
export interface TemplateToRun {
  /** For the whole workflow; 0 or undefined: none. */
  readonly timeoutSeconds: number | undefined;
  readonly actions: readonly TemplateActionToRun[];
}

export interface TemplateActionToRun {
  readonly action: string;
  readonly timeoutSeconds: number | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Errors: AppError `server.garbled`. */
export function parseWorkflow(body: unknown): WorkflowToRun {
  const document = record(body);
  const spec = record(document['spec']);
  const status = (document['status'] ?? null) === null ? {} : record(document['status']);
  const { state = 'STATE_PENDING', startedByBoot } = status;
  const { hardwareRef } = spec;
  const plan = (spec['plan'] ?? null) === null ? {} : record(spec['plan']);
  return {
    templateRef: pattern(spec, 'templateRef', /^.{1,253}$/),
    hasEnded: state !== 'STATE_PENDING' && state !== 'STATE_RUNNING',
    hasSucceeded: state === 'STATE_SUCCESS',
    ...(typeof document['held'] === 'string' ? { held: printable(document['held']) } : {}),
    ...(typeof startedByBoot === 'string' ? { bootId: startedByBoot } : {}),
    machineId: typeof hardwareRef === 'string' ? hardwareRef.toLowerCase() : undefined,
    ...((plan['disk'] ?? null) === null ? {} : { plannedDisk: parsePlannedDisk(plan['disk']) }),
  };
}

/** A plan that is wrong in any part is none to go by, nor one to go without. */
function parsePlannedDisk(value: unknown): PlannedDisk {
  const disk = record(value);
  const size = disk['size_bytes'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size))
    throw garbled('plan.disk.size_bytes');
  const text = (name: 'serial' | 'wwn' | 'model' | 'boot_id'): string | null =>
    (disk[name] ?? null) === null ? null : pattern(disk, name, /^.{0,256}$/s);
  return {
    device: pattern(disk, 'device', /^\/dev\/.{1,250}$/),
    serial: text('serial'),
    wwn: text('wwn'),
    size_bytes: size,
    model: text('model'),
    // One that is left out says that no other disk looked the same.
    ...(disk['boot_id'] === undefined ? {} : { boot_id: text('boot_id') }),
  };
}

/** Errors: AppError `server.garbled`. */
export function parseTemplate(body: unknown): TemplateToRun {
  // Versions before 0.2.0 served some texts as numbers or lists.
  const spec = record(record(inDragonflysSpelling(body))['spec']);
  const actions = list(spec['actions']).map((item) => {
    const fields = record(item);
    const action = pattern(fields, 'action', /^[\w-]{1,64}$/);
    return { action, timeoutSeconds: seconds(fields['timeout']), fields };
  });
  if (actions.length === 0) throw garbled('spec.actions');
  return { timeoutSeconds: seconds(spec['timeout']), actions };
}

function seconds(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 && value < 1e9 ? value : undefined;
}

/** Reads sentence and code of an error answer; undefined if it does not look like one. */
export function parseErrorAnswer(
  body: unknown,
): { error: string; code: string | undefined } | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { error, code } = { error: undefined, code: undefined, ...body };
  if (typeof error !== 'string') return undefined;
  return {
    error: printable(error),
    code: typeof code === 'string' ? printable(code) : undefined,
  };
}

/** Makes foreign text fit for a terminal: one line, bounded, without control characters. */
function printable(text: string): string {
  const line = text.slice(0, 500).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
  return line.trim();
}

function record(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw garbled('its body');
  return { ...body };
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, 1_024) : [];
}

function pattern(fields: Record<string, unknown>, name: string, expected: RegExp): string {
  const value = fields[name];
  if (typeof value !== 'string' || !expected.test(value)) throw garbled(name);
  return value;
}

function garbled(what: string): AppError {
  return new AppError(
    'server.garbled',
    `the answer is not from a Dragonfly server: ${what} is missing or wrong`,
  );
}
