// Requests and answers about the audit log, between operators (the page, scripts) and the server.
import { Type, type Static } from 'typebox';
import { AuditEntry } from '../../documents/audit.ts';
import { nullable } from '../../fields.ts';
import { damaged } from './damaged.ts';
import { Paging, strict } from '../request.ts';

export const AuditQuery = Type.Object(
  {
    since: Type.Optional(Type.String({ format: 'date-time', description: 'only from then on' })),
    record: Type.Optional(
      Type.String({ maxLength: 300, description: 'only those of this record: machines/ID' }),
    ),
    by: Type.Optional(
      Type.String({ maxLength: 400, description: 'only those by a sender with this in its name' }),
    ),
    action: Type.Optional(
      Type.String({
        maxLength: 100,
        description: 'only machines.patch, or with machines all of these',
      }),
    ),
    order: Type.Optional(Type.Enum(['oldest', 'newest'], { default: 'oldest' })),
    ...Paging,
  },
  strict,
);

export type AuditQuery = Static<typeof AuditQuery>;

export const AuditList = Type.Object({
  entries: Type.Array(AuditEntry),
  damaged,
  next_cursor: nullable(Type.String()),
});
export type AuditList = Static<typeof AuditList>;
