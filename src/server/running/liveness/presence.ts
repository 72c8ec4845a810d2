// The words in which Liveness speaks of a machine and of the boots that want to speak for it.
import type { HeartbeatRequest } from '../../../model/api/agent.ts';
import type { MachineStateName } from '../../../model/machine.ts';

/** A machine that was heard in this run of the server. Only the verbs of Liveness change it. */
export interface Presence {
  readonly machineId: string;
  /** The id of the boot that speaks for it; null if its agent states none. */
  readonly bootId: string | null;
  /** The id of the token that its last heartbeat came with; null where there are no tokens. */
  readonly tokenId: string | null;
  /** Where its last check-in without a token came from at this server; null: none did. */
  readonly address: string | null;
  /** The time it was last heard. */
  readonly seenAt: Date;
  /** The same on the monotonic clock. */
  readonly seenMs: number;
  /** The state that its record was in when its agent was last told what to do. */
  readonly state: MachineStateName;
}

/** The fields of a check-in or a heartbeat that describe its boot. */
export type Boot = Pick<HeartbeatRequest, 'boot_id' | 'uptime_seconds' | 'identity_hash'>;

/** A heartbeat's proof of the machine that sent it. */
export interface Proof {
  /** The id of the machine's own token that it came with. */
  readonly tokenId: string | null;
  /** That is the token which the machine proved to hold: see token_holder in its record. */
  readonly isHolder: boolean;
}

/** The relation of a boot that wants to speak for a machine to the boot that was heard last. */
export type Claim =
  /** No other boot, or none that was heard before the machine became late. */
  | 'unopposed'
  | 'same boot'
  /** Its kernel started after the other boot was last heard. */
  | 'reboot'
  /** The other boot was heard while its kernel ran. */
  | 'second machine'
  /** It does not say when its kernel started. */
  | 'unknown';

/** The verdict on a heartbeat. The last two change nothing. */
export type Beat =
  | 'heard'
  /** The boot before, or that of the token's holder, speaks for the machine again. */
  | 'taken back'
  /** Another boot is beating. */
  | 'other boot'
  /** The machine checked in with another identity hash. */
  | 'other identity';
