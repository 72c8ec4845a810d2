// A display or compute controller (PCI class 03): as the inventory has it, and as a check-in tells it and
// the record keeps it.
import { Type, type Static } from 'typebox';
import { nullable, U64 } from '../fields.ts';

export const Gpu = Type.Object({
  name: Type.String({ description: 'by its driver or firmware, else its PCI ids: 10de:2236' }),
  vendor: nullable(Type.String()),
  vram_bytes: nullable(Type.Integer()),
  pci_address: Type.Optional(Type.String()),
  pci_id: Type.Optional(Type.String()),
  driver: Type.Optional(nullable(Type.String())),
});
export type Gpu = Static<typeof Gpu>;

export const StoredGpu = Type.Object({
  ...Type.Partial(Gpu).properties,
  ...Type.Pick(Gpu, ['name']).properties,
  vram_bytes: Type.Optional(nullable(U64())),
});
export type StoredGpu = Static<typeof StoredGpu>;
