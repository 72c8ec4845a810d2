// The machines that one server has heard of late, as it tells the other servers of the same store. It is kept
// there for seconds only: no part of a backup.
import { Type, type Static } from 'typebox';
import { nullable, U32, U64 } from './fields.ts';
import { MachineStateName } from './machine.ts';

/** Times are durations, because the clocks of servers differ. */
export const HeardMachine = Type.Object({
  machine_id: Type.String(),
  boot_id: nullable(Type.String()),
  token_id: nullable(Type.String()),
  state: MachineStateName,
  silent_ms: Type.Number({ description: 'since it was last heard' }),
  held_ms: Type.Number({ description: 'since this boot speaks for it' }),
  interval_ms: Type.Number({ description: 'between its heartbeats' }),
  is_beating: Type.Boolean({ description: 'it sent heartbeats' }),
  is_contested: Type.Boolean({
    description: 'another boot claimed the machine and had to give way',
  }),
  is_proven: Type.Boolean({ description: 'it has the token that the machine proved to hold' }),
});
export type HeardMachine = Static<typeof HeardMachine>;

/** A machine as an agent without boot_id showed it, for which another machine may speak as well. */
export const HeardClaimant = Type.Object({
  machine_id: Type.String(),
  shown: Type.Object({
    hostname: Type.Optional(nullable(Type.String())),
    ip_address: Type.Optional(nullable(Type.String())),
    cpu_model: Type.Optional(nullable(Type.String())),
    cpu_cores: Type.Optional(nullable(U32())),
    memory_bytes: Type.Optional(nullable(U64())),
    disks: nullable(Type.String({ description: 'a hash of their sizes' })),
  }),
  series: Type.String({ description: 'the run of its agent, as far as its rhythm tells' }),
  address: nullable(Type.String({ description: 'where its check-ins come from' })),
  silent_ms: Type.Number({ description: 'since it was last heard' }),
  held_ms: Type.Number({ description: 'since that run began' }),
});
export type HeardClaimant = Static<typeof HeardClaimant>;

export const ServerPresence = Type.Object({
  server: Type.String({ description: 'one run of a server' }),
  /** Grows with each writing, so that two with the same machines differ. */
  count: Type.Integer(),
  machines: Type.Array(HeardMachine),
  claimants: Type.Optional(Type.Array(HeardClaimant)),
});
export type ServerPresence = Static<typeof ServerPresence>;
