// Something that could not be read or made sense of, and why: found by a probe, sent to the server, kept
// in the machine's record.
import { Type, type Static } from 'typebox';

export const Problem = Type.Object({
  code: Type.String({ description: 'area.what, from core/errors.ts' }),
  section: Type.String({ description: 'the section of the inventory that lacks something' }),
  source: Type.String({ description: 'the path or command that was read' }),
  message: Type.String({ description: 'a sentence' }),
});
export type Problem = Static<typeof Problem>;
