// The list's row of a machine: small, and ready to show, search and sort. Pure; no DOM.
import { errorOf, stateName } from '../../../model/machine-state.ts';
import type { MachineStateName } from '../../../model/machine.ts';
import type { MachineView } from '../../../model/api/machines.ts';
import { factsOf, withLiveness, type Facts } from '../../../model/search/facts.ts';
import { hardwareLine } from '../../parts/format.ts';

/** A machine's liveness; "unheard" while the server cannot tell. */
export type Liveness = 'online' | 'late' | 'gone' | 'unheard';

export interface Row {
  readonly id: string;
  /** The hostname if there is one, else the memorable name. */
  readonly name: string;
  readonly memorableName: string;
  readonly state: MachineStateName;
  readonly errorMessage: string | undefined;
  readonly liveness: Liveness;
  readonly hardware: string;
  readonly address: string;
  readonly mac: string;
  readonly tags: readonly string[];
  readonly template: string | null;
  /** NaN if what is stored is no time. */
  readonly lastSeenMs: number | undefined;
  readonly model: string | undefined;
  readonly serial: string | undefined;
  readonly os: string | undefined;
  readonly agent: string | undefined;
  readonly problems: number;
  /** For searches. */
  readonly facts: Facts;
}

export function toRow(machine: MachineView): Row {
  const { id, config, hardware, identity, report, status } = machine;
  const name = config.hostname ?? report?.hostname ?? config.memorable_name;
  const address = report?.ip_address ?? '';
  const line = hardwareLine(hardware);
  return {
    id,
    name,
    memorableName: config.memorable_name,
    state: stateName(status.state),
    errorMessage: errorOf(status.state),
    liveness: machine.liveness ?? 'unheard',
    hardware: line,
    address,
    mac: identity.primary_mac,
    tags: config.tags,
    template: config.os_choice,
    lastSeenMs: status.last_seen === null ? undefined : Date.parse(status.last_seen),
    model: hardware.system?.product ?? hardware.board?.product ?? undefined,
    serial: hardware.system?.serial ?? undefined,
    os: report?.existing_os?.name,
    agent: report?.agent_version ?? undefined,
    problems: (report?.problems.length ?? 0) + (report?.later_problems?.length ?? 0),
    facts: factsOf(machine),
  };
}

/** The row of a machine after a heartbeat, or after one was missed. */
export function heard(row: Row, liveness: Liveness, lastSeenMs: number | undefined): Row {
  return { ...row, liveness, lastSeenMs, facts: withLiveness(row.facts, liveness, lastSeenMs) };
}
