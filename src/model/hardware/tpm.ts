// A machine's Trusted Platform Module.
import { Type, type Static } from 'typebox';
import { nullable } from '../fields.ts';

export const Tpm = Type.Object({
  is_present: Type.Boolean(),
  version: nullable(Type.Enum(['1.2', '2.0'])),
});
export type Tpm = Static<typeof Tpm>;

/** A newer agent may name other versions. */
export const StoredTpm = Type.Object({
  ...Type.Pick(Tpm, ['is_present']).properties,
  version: Type.Optional(nullable(Type.String({ description: '1.2, 2.0' }))),
});
export type StoredTpm = Static<typeof StoredTpm>;
