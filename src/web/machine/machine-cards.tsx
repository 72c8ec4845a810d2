// Cards for a machine's identity and its problems.
import type { MachineView } from '../../model/api/machines.ts';
import { formatTime, plural } from '../parts/format.ts';
import { Card } from '../parts/parts.tsx';
import { Facts } from './facts.tsx';

const recognised = {
  identity_hash: 'Recognised by its identity hash',
  primary_mac: 'Recognised by its primary MAC address',
  evidence: 'Recognised by evidence',
  new: 'Registered as a new machine',
} as const;

export function IdentityCard({ machine }: { machine: MachineView }) {
  const { identity, report } = machine;
  return (
    <Card title="Identity">
      {report !== undefined && (
        <div class="recognised">
          <b>{recognised[report.matched_by]}</b>
          <ul>
            {report.evidence.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </div>
      )}
      <Facts
        facts={[
          ['Primary MAC', <code>{identity.primary_mac}</code>],
          [
            'All MACs',
            identity.all_macs.length > 1 ? <code>{identity.all_macs.join('  ')}</code> : null,
          ],
          ['SMBIOS UUID', identity.smbios_uuid && <code>{identity.smbios_uuid}</code>],
          ['Machine ID', identity.machine_id && <code>{identity.machine_id}</code>],
          ['Identity hash', <code>{identity.identity_hash}</code>],
          ['Record', <code>{machine.id}</code>],
          ['First seen', formatTime(machine.metadata.created_at)],
          [
            'Labels',
            Object.entries(machine.metadata.labels)
              .map(([name, value]) => `${name}=${value}`)
              .join(', '),
          ],
        ]}
      />
    </Card>
  );
}

/** Lists what the agent could not do or read, the latest first. */
export function ProblemsCard({ machine }: { machine: MachineView }) {
  const { problems = [], later_problems: later = [] } = machine.report ?? {};
  const all = [...later, ...problems];
  if (all.length === 0) return null;
  return (
    <Card title="Problems" aside={plural(all.length, 'problem')}>
      <ul class="problems">
        {all.map((problem, i) => (
          <li key={i}>
            {problem.message}
            <span class="quiet">
              {problem.section}: <code>{problem.source}</code>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
