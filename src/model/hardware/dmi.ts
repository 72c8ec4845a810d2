// The machine as its firmware describes it in SMBIOS or the device tree: system, board, chassis, and the
// firmware itself. Placeholders are dropped before they get here.
import { Type, type Static } from 'typebox';
import { nullable } from '../fields.ts';

const text = () => nullable(Type.String());

export const System = Type.Object({
  vendor: text(),
  product: text(),
  version: Type.Optional(text()),
  serial: text(),
  sku: Type.Optional(text()),
  family: Type.Optional(text()),
  asset_tag: text(),
});
export type System = Static<typeof System>;

export const Board = Type.Object({
  vendor: text(),
  product: text(),
  version: Type.Optional(text()),
  serial: text(),
});
export type Board = Static<typeof Board>;

export const Chassis = Type.Object({ serial: text() });
export type Chassis = Static<typeof Chassis>;

export const Firmware = Type.Object({ vendor: text(), version: text(), date: text() });
export type Firmware = Static<typeof Firmware>;

/** The parts that travel in a check-in and are kept in the record, each with as much as is known. */
export const StoredDmi = Type.Partial(
  Type.Object({
    system: Type.Partial(System),
    board: Type.Partial(Board),
    chassis: Type.Partial(Chassis),
    firmware: Type.Partial(Firmware),
  }),
);
export type StoredDmi = Static<typeof StoredDmi>;
