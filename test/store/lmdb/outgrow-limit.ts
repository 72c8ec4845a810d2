// Run where no file may grow beyond a limit: writes until the system refuses, and prints what readiness says.
import { systemClock } from '../../../src/core/clock.ts';
import { createApp } from '../../../src/server/app.ts';
import { openStore } from '../../../src/store/open.ts';

const store = await openStore(`lmdb:${process.argv[2] ?? ''}`);
const app = await createApp({ store, clock: systemClock });
const statusOf = async (method: 'GET' | 'PUT' | 'DELETE', url: string, body?: object) => {
  const answer = await app.inject({
    method,
    url,
    headers: { host: '127.0.0.1' },
    ...(body && { payload: body }),
  });
  return answer.statusCode;
};
const statuses = [await statusOf('GET', '/api/ready')];
let put = 0;
for (let n = 0; n < 200 && put < 400; n += 1)
  put = await statusOf('PUT', `/api/settings/n${n}`, { value: 'x'.repeat(50_000) });
statuses.push(put, await statusOf('GET', '/api/settings/n0'), await statusOf('GET', '/api/ready'));
process.stdout.write(JSON.stringify(statuses));
process.exit();
