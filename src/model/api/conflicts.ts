// Requests and answers about identity conflicts, between operators (the page, scripts) and the server.
import { Type } from 'typebox';
import { nullable } from '../fields.ts';
import { IdentityConflict } from '../history.ts';
import { damaged } from './administration/damaged.ts';
import { strict } from './request.ts';

export const ConflictList = Type.Object({
  conflicts: Type.Array(IdentityConflict),
  damaged,
  next_cursor: nullable(Type.String()),
});

/** The candidate that a conflict's machine is merged into. */
export const ConflictAccept = Type.Object(
  {
    into: Type.Optional(
      Type.String({ format: 'uuid', description: 'required if there are several candidates' }),
    ),
    address: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          'one of the refused addresses: the machine is there, and the one that was taken for it is kept out',
      }),
    ),
  },
  strict,
);
