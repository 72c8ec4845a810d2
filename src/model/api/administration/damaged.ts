// Stored records that the server cannot read, as answers name them.
import { Type, type Static } from 'typebox';

/** A record of a list that cannot be read. */
export const DamagedRecordView = Type.Object({
  record: Type.String({ description: 'its table and its name, such as machines/ID' }),
  code: Type.Literal('store.damaged'),
  error: Type.String({ description: 'a sentence for people' }),
});
export type DamagedRecordView = Static<typeof DamagedRecordView>;

/** The field of a list for the records of its page that cannot be read; absent where there are none. */
export const damaged = Type.Optional(
  Type.Array(DamagedRecordView, {
    description: 'records of this page that cannot be read; absent without such',
  }),
);

const aside = Type.Boolean({ description: 'dragonfly-server check --repair has put it aside' });

export const DamagedList = Type.Object({
  damaged: Type.Array(Type.Object({ ...DamagedRecordView.properties, aside })),
});
export type DamagedList = Static<typeof DamagedList>;

export const DamagedRaw = Type.Object({
  ...DamagedRecordView.properties,
  aside,
  value: Type.String({ description: 'as it is stored' }),
});
export type DamagedRaw = Static<typeof DamagedRaw>;
