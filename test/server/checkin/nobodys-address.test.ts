// Machines without any address of their own: made up at each boot, or shared by many.
import { describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../harness.ts';

const checkIn = async (server: TestServer, body: Record<string, unknown>) =>
  server.call('POST', '/api/agent/checkin', { body: { agent_version: '0.2.0', ...body } });
const board = (boot_id: string, mac: string, serial: string | null) => ({
  mac,
  all_macs: [],
  boot_id,
  smbios_uuid: null,
  disks: [{ name: 'mmcblk0', size_bytes: 1000, serial }],
});

describe('a machine whose only address is nobody\u2019s', () => {
  it('is the same after a reboot, known by its disk', async () => {
    const server = await startServer();
    const first = await checkIn(server, board('a', '4e:e3:dd:59:32:08', 'S1'));
    expect(first.status).toBe(200);
    const again = await checkIn(server, board('b', '92:0c:11:4e:00:01', 'S1'));
    expect(again.body).toMatchObject({ machine_id: first.body.machine_id, is_new: false });
    expect(again.body.memorable_name).toBe(first.body.memorable_name);
  });

  it('is known by its machine-id', async () => {
    const server = await startServer();
    const machine_id = '7e0b2f0cd41f4a4f9a1c55d3c2b1a001';
    const body = (boot: string, mac: string) => ({ ...board(boot, mac, null), machine_id });
    const first = await checkIn(server, body('a', '4e:e3:dd:59:32:08'));
    const again = await checkIn(server, body('b', '92:0c:11:4e:00:01'));
    expect(again.body.machine_id).toBe(first.body.machine_id);
  });

  it('is the same within one boot, also where it shows nothing else', async () => {
    const server = await startServer();
    const first = await checkIn(server, board('a', '88:88:88:88:87:88', null));
    for (const sequence of [7, 8]) {
      const body = { ...board('a', '88:88:88:88:87:88', null), sequence };
      expect((await checkIn(server, body)).body.machine_id).toBe(first.body.machine_id);
    }
  });

  it('with a stock agent is the same at each check-in, and another one of another build', async () => {
    const server = await startServer();
    const stock = (memory_bytes: number) => ({
      mac: '88:88:88:88:87:88',
      cpu_model: 'N100',
      memory_bytes,
      disks: [{ name: 'sda', size_bytes: 1000, model: 'M' }],
      existing_os: null,
    });
    const say = async (memory: number) => {
      const { status, body } = await server.call('POST', '/api/agent/checkin', {
        body: stock(memory),
      });
      return [status, body.machine_id];
    };
    const first = await say(8);
    const other = await say(16);
    expect(other[1]).not.toBe(first[1]);
    expect([await say(8), await say(16), await say(8)]).toEqual([first, other, first]);
  });

  it.each([
    ['that says it has no port', { all_macs: [] }, ['02:00:00:00:00:01', '02:00:00:00:00:02']],
    [
      'with a stock agent',
      { cpu_model: 'N100', memory_bytes: 8 },
      ['88:88:88:88:87:88', '00:1a:ca:ff:ff:01'],
    ],
    ['with a stock agent that tells no build', {}, ['88:88:88:88:87:88', '88:88:88:88:87:88']],
  ])('%s is not another one that shows as little', async (_what, fields, macs) => {
    const server = await startServer();
    const say = (mac: string | undefined) => checkIn(server, { mac, ...fields });
    const [first, other] = [await say(macs[0]), await say(macs[1])];
    expect([first.body.is_new, other.body.is_new]).toEqual([true, true]);
  });

  it.each([null, 'S2'])('is not another one of its kind (disk serial %s)', async (serial) => {
    const server = await startServer();
    const first = await checkIn(server, board('a', '88:88:88:88:87:88', 'S1'));
    const other = await checkIn(server, board('b', '88:88:88:88:87:88', serial));
    expect([first.status, other.status]).toEqual([200, 200]);
    expect(other.body.machine_id).not.toBe(first.body.machine_id);
  });

  it('is taken from an agent that lists the shared address as its own', async () => {
    const server = await startServer();
    const mac = '88:88:88:88:87:88';
    const body = { mac, all_macs: [mac], boot_id: 'a', agent_version: '0.1.0' };
    const { status, body: answer } = await checkIn(server, body);
    expect(status).toBe(200);
    const { body: machine } = await server.call('GET', `/api/machines/${answer.machine_id}`);
    expect(machine.identity.all_macs).toEqual([]);
  });
});
