// Rows for tests of the list.
import { factsOf } from '../../../src/model/search/facts.ts';
import type { Row } from '../../../src/web/list/rows/row.ts';
import { searched } from '../../model/search/machine.ts';

export function row(name: string, fields: Partial<Row> = {}): Row {
  const made = {
    id: name,
    name,
    memorableName: name,
    state: 'Ready',
    errorMessage: undefined,
    liveness: 'online',
    hardware: '',
    address: '',
    mac: '52:54:00:00:00:01',
    tags: [],
    template: null,
    lastSeenMs: 0,
    model: undefined,
    serial: undefined,
    os: undefined,
    agent: undefined,
    problems: 0,
    ...fields,
  } as const;
  const { state, liveness, tags, template, mac, hardware } = made;
  const known = searched({ hostname: name, tags: [...tags] });
  const facts = factsOf({
    ...known,
    liveness: liveness === 'unheard' ? null : liveness,
    status: { ...known.status, state: state === 'Error' ? { Error: { message: 'no' } } : state },
    identity: { ...known.identity, primary_mac: mac, all_macs: [mac] },
    hardware: { ...known.hardware, cpu_model: hardware, network_interfaces: [] },
    config: { ...known.config, memorable_name: name, os_choice: template },
    ...(known.report && { report: { ...known.report, ip_address: made.address } }),
  });
  return { ...made, facts };
}
