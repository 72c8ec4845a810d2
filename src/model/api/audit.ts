// Requests and answers about the audit log, between operators (the page, scripts) and the server.
import { Type } from 'typebox';
import { AuditEntry } from '../documents/audit.ts';
import { nullable } from '../fields.ts';
import { damaged } from './damaged.ts';
import { Paging, strict } from './request.ts';

export const AuditQuery = Type.Object(
  {
    since: Type.Optional(Type.String({ format: 'date-time', description: 'only from then on' })),
    record: Type.Optional(
      Type.String({ maxLength: 300, description: 'only those of this record: machines/ID' }),
    ),
    ...Paging,
  },
  strict,
);

export const AuditList = Type.Object({
  entries: Type.Array(AuditEntry),
  damaged,
  next_cursor: nullable(Type.String()),
});
