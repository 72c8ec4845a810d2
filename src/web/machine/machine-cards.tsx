// Cards for a machine's identity, hardware, disks, network interfaces and problems.
import type { ComponentChildren } from 'preact';
import type { StoredDisk } from '../../model/hardware/disk.ts';
import type { MachineView } from '../../model/operator-api.ts';
import { formatDisk, formatMemory, formatSpeed, plural, totalBytes } from '../parts/format.ts';
import { Card } from '../parts/parts.tsx';

/** A list of names and values, without those that were not reported. */
function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

export function HardwareCard({ machine }: { machine: MachineView }) {
  const { cpu_model, cpu_cores, cpu_threads, memory_bytes, is_virtual, virt_platform } =
    machine.hardware;
  const os = machine.report?.existing_os;
  const threads = typeof cpu_threads === 'number' ? `, ${plural(cpu_threads, 'thread')}` : '';
  return (
    <Card title="Hardware">
      <Facts
        facts={[
          ['CPU', cpu_model],
          ['Cores', cpu_cores === null ? null : `${plural(cpu_cores, 'core')}${threads}`],
          ['Memory', memory_bytes === null ? null : formatMemory(memory_bytes)],
          [
            'Kind',
            is_virtual
              ? `virtual machine${virt_platform ? ` (${virt_platform})` : ''}`
              : 'physical',
          ],
          ['Address', machine.report?.ip_address],
          ['Management', machine.report?.bmc_address],
          ['Installed OS', os && `${os.name} on ${os.device}`],
          ['Reported hostname', machine.report?.hostname],
          ['Agent', machine.report?.agent_version],
          ['Last boot', machine.report?.boot_timeline?.map(formatStep).join(', ')],
        ]}
      />
    </Card>
  );
}

/** "address 3.4 s": the time since the kernel started. */
function formatStep({ step, at_ms: ms }: { step: string; at_ms: number }): string {
  return `${step} ${(ms / 1000).toFixed(1)} s`;
}

interface TableProps {
  readonly label: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly ComponentChildren[])[];
}

function Table({ label, head, rows }: TableProps) {
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, i) => (
            <tr key={i}>
              {cells.map((cell, j) => (
                <td key={head[j]}>{cell ?? <span class="quiet">–</span>}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function DisksCard({ disks }: { disks: readonly StoredDisk[] }) {
  const total = totalBytes(disks);
  return (
    <Card
      title="Disks"
      aside={disks.length > 1 ? `${String(disks.length)}, ${formatDisk(total)}` : ''}
    >
      {disks.length === 0 ? (
        <p class="quiet">No disks were reported.</p>
      ) : (
        <Table
          label="Disks"
          head={['Device', 'Size', 'Model', 'Serial']}
          rows={disks.map((disk) => [
            <code>{disk.device}</code>,
            formatDisk(disk.size_bytes),
            disk.model,
            disk.serial,
          ])}
        />
      )}
    </Card>
  );
}

export function NicsCard({ machine }: { machine: MachineView }) {
  const nics = machine.hardware.network_interfaces;
  return (
    <Card title="Network interfaces">
      {nics.length === 0 ? (
        <p class="quiet">No network interfaces were reported.</p>
      ) : (
        <Table
          label="Network interfaces"
          head={['Name', 'MAC', 'Speed', '']}
          rows={nics.map((nic) => [
            <code>{nic.name}</code>,
            <code>{nic.mac}</code>,
            nic.speed_mbps === null ? null : formatSpeed(nic.speed_mbps),
            nic.mac === machine.identity.primary_mac ? 'primary' : '',
          ])}
        />
      )}
    </Card>
  );
}

const recognised = {
  identity_hash: 'Recognised by its identity hash',
  primary_mac: 'Recognised by its primary MAC address',
  evidence: 'Recognised by evidence',
  new: 'Registered as a new machine',
} as const;

/** "2026-11-24 09:30 UTC" */
function utc(timestamp: string): string {
  return `${new Date(timestamp).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

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
          ['First seen', utc(machine.metadata.created_at)],
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

/** Lists what the agent's probes could not read. */
export function ProblemsCard({ machine }: { machine: MachineView }) {
  const problems = machine.report?.problems ?? [];
  if (problems.length === 0) return null;
  return (
    <Card title="Could not be read">
      <ul class="problems">
        {problems.map((problem, i) => (
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
