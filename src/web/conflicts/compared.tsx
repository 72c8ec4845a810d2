// A machine and those that it may be, side by side, as the server has them.
import { useCallback } from 'preact/hooks';
import type { MachineView } from '../../model/api/machines.ts';
import { useServices } from '../context.ts';
import { Table } from '../machine/facts.tsx';
import { readMachines } from '../machine/requests.ts';
import { formatTime } from '../parts/format.ts';
import { useLoaded } from '../parts/loaded.ts';

type Texts = readonly (string | null | undefined)[];

const facts: Readonly<Record<string, (machine: MachineView) => Texts>> = {
  MACs: ({ identity }) => identity.all_macs,
  'Serial numbers': ({ hardware: { system, board, chassis } }) => [
    system?.serial,
    board?.serial,
    chassis?.serial,
  ],
  Model: ({ hardware: { system } }) => [system?.vendor, system?.product],
  Disks: ({ hardware: { disks } }) =>
    disks.map(({ device, model, serial }) => [device, model, serial].filter(Boolean).join(' ')),
  Address: ({ report }) => [report?.ip_address],
  Ids: ({ id, identity }) => [id, identity.smbios_uuid, identity.machine_id],
  'Last seen': ({ status }) => [status.last_seen && formatTime(status.last_seen)],
};

/** A machine may check in again while somebody decides. */
const everyMs = 10_000;

export function Compared({ ids }: { ids: readonly string[] }) {
  const { session, fleet } = useServices();
  const read = useCallback(() => readMachines(session, ids), [session, ids.join()]);
  const { value, problem } = useLoaded(read, everyMs);
  const names = ids.map((id) => fleet.get(id)?.name ?? id);
  const machines = ids.map((id) => value?.find((machine) => machine.id === id));
  const rows = Object.entries(facts).map(([name, of]) => [
    name,
    ...machines.map((machine) => {
      const texts = new Set(machine === undefined ? [] : of(machine).filter((text) => !!text));
      return texts.size === 0 ? null : [...texts].map((text) => <div key={text}>{text}</div>);
    }),
  ]);
  return (
    <>
      {problem !== undefined && <p class="problem">{problem}</p>}
      <Table label={`Side by side: ${names[0] ?? ''}`} head={['Compared', ...names]} rows={rows} />
    </>
  );
}
