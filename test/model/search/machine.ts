// A machine for tests of the search language.
import type { Searched } from '../../../src/model/search/fields.ts';
import { machine } from '../../web/machines.ts';

interface Parts {
  readonly hostname?: string;
  readonly tags?: string[];
  readonly labels?: Record<string, string>;
  readonly state?: Searched['status']['state'];
  readonly hardware?: Partial<Searched['hardware']> & {
    readonly neighbour?: { readonly system: string; readonly port: string };
  };
  readonly agent?: string;
  readonly report?: Partial<NonNullable<Searched['report']>>;
  readonly problem?: NonNullable<Searched['report']>['problems'][number];
}

/** node-7, which runs Debian, was first seen on 2026-11-20 and heard of just before noon on the 26th. */
export function searched(parts: Parts): Searched {
  const { hostname = 'node-7', tags = [], labels = {}, state = 'Ready', agent = null } = parts;
  const { neighbour, ...hardware } = parts.hardware ?? {};
  const known = machine(7);
  return {
    ...known,
    liveness: 'online',
    status: { ...known.status, state, last_seen: '2026-11-26T11:59:00Z' },
    config: { ...known.config, hostname, tags },
    metadata: { ...known.metadata, labels, created_at: '2026-11-20T00:00:00Z' },
    hardware: {
      ...known.hardware,
      ...hardware,
      network_interfaces: known.hardware.network_interfaces.map((nic) =>
        neighbour === undefined ? nic : { ...nic, neighbour },
      ),
    },
    report: {
      at: '2026-11-26T11:59:00Z',
      hostname: null,
      ip_address: '10.0.0.7',
      bmc_address: null,
      existing_os: { name: 'Debian GNU/Linux 13', device: '/dev/sda1' },
      nameservers: [],
      boot_id: null,
      agent_version: agent,
      matched_by: 'new',
      evidence: [],
      problems: parts.problem === undefined ? [] : [parts.problem],
      ...parts.report,
    },
  };
}
