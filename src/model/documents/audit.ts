// An entry of the audit log: somebody changed something. Written once and never changed.
import { Type, type Static } from 'typebox';
import { nullable, Timestamp } from '../fields.ts';

export const AuditEntry = Type.Object({
  id: Type.String({ description: 'UUIDv7, by the time of the change' }),
  at: Timestamp,
  by: Type.String({ description: 'the name of a token, "anyone" without tokens, or cli:USER' }),
  from: nullable(Type.String({ description: 'the address; null on the command line' })),
  action: Type.String({ description: 'machines.patch, workflows.cancel, tokens.create, …' }),
  records: Type.Array(Type.String(), { description: 'such as machines/ID; the first 200 of many' }),
  change: Type.Unknown({
    description: 'as it was asked for, without secrets; a long one as its digest',
  }),
  request_id: nullable(Type.String()),
});
export type AuditEntry = Static<typeof AuditEntry>;
