// A token of an operator or for enrolment as the store keeps it: its hash, never its text.
import { Type, type Static } from 'typebox';
import { TokenScope } from '../api/administration/tokens.ts';

export const Token = Type.Object({
  name: Type.String(),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: "of the token's text, in hex" }),
  scope: TokenScope,
  tags: Type.Optional(
    Type.Array(Type.String(), { description: 'it is good for machines with one of these alone' }),
  ),
  created_at: Type.String(),
  expires_at: Type.Union([Type.String(), Type.Null()]),
  last_used: Type.Optional(Type.String()),
});
export type Token = Static<typeof Token>;
