// A machine that asks for its boot script.
import type { MachineState } from '../../../../src/model/machine.ts';
import { checkin, type TestServer } from '../../harness.ts';

export const mac = '02:00:00:00:00:07';

export const script = (server: TestServer, path = `/boot/${mac}`) => server.call('GET', path);

export async function registered(server: TestServer, state?: MachineState): Promise<string> {
  const { body } = await server.call('POST', '/api/agent/checkin', {
    body: { ...checkin(7), all_macs: [mac, '02:00:00:00:00:08'] },
  });
  if (state !== undefined) {
    const found = await server.store.machines.get(body.machine_id);
    if (found === undefined) throw new Error('the machine is not there');
    await server.store.machines.put({
      ...found.value,
      status: { ...found.value.status, state },
    });
  }
  return body.machine_id;
}
