// Parts of operators' requests that several areas share. Requests are strict: an unknown field is a typo that
// somebody wants to hear of.
import { Type } from 'typebox';
import { longestTag } from '../text/tag.ts';

export const strict = { additionalProperties: false };

export const MachineId = Type.String({ format: 'uuid', description: "the machine's UUIDv7" });

/** A tag or a label: printable, without control characters. */
export const printable = '^[^\\u0000-\\u001f\\u007f]*$';

export const Tag = Type.String({ minLength: 1, maxLength: longestTag, pattern: printable });

/** The most tags that a machine may have. */
export const mostTags = 64;

export const Paging = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(
    Type.String({ maxLength: 1024, description: 'next_cursor of the page before' }),
  ),
};
