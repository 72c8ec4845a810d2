// The memory of a machine and its modules.
import { Type, type Static } from 'typebox';
import { nullable, U64 } from '../fields.ts';

export const Dimm = Type.Object({
  locator: nullable(Type.String()),
  size_bytes: Type.Integer(),
  type: nullable(Type.String()),
  is_persistent: Type.Optional(
    Type.Boolean({ description: 'keeps its content without power: not counted as memory' }),
  ),
  speed_mts: nullable(Type.Integer()),
  manufacturer: nullable(Type.String()),
  serial: nullable(Type.String()),
  part_number: nullable(Type.String()),
});
export type Dimm = Static<typeof Dimm>;

export const Memory = Type.Object({
  memory_bytes: nullable(Type.Integer()),
  memory_source: nullable(Type.String({ description: 'where memory_bytes was read' })),
  memory_slots: Type.Optional(nullable(Type.Integer({ description: 'on the board, used or not' }))),
  memory_max_bytes: Type.Optional(nullable(Type.Integer({ description: 'what the board takes' }))),
  memory_error_correction: Type.Optional(nullable(Type.String())),
  dimms: Type.Optional(Type.Array(Dimm)),
});
export type Memory = Static<typeof Memory>;

export const StoredDimm = Type.Object({ ...Type.Partial(Dimm).properties, size_bytes: U64() });
export type StoredDimm = Static<typeof StoredDimm>;

/** The part that travels in a check-in and is kept in the record. */
export const StoredMemory = Type.Object({
  memory_bytes: nullable(U64()),
  ...Type.Pick(Memory, ['memory_slots', 'memory_error_correction']).properties,
  memory_max_bytes: Type.Optional(nullable(U64())),
  dimms: Type.Optional(Type.Array(StoredDimm)),
});
export type StoredMemory = Static<typeof StoredMemory>;
