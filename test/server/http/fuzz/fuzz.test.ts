// Random requests made from the OpenAPI document. DRAGONFLY_FUZZ=100 makes that many rounds of 500 requests.
import { expect, it } from 'vitest';
import { fuzzRound, type Found } from './round.ts';

const long = Number(process.env['DRAGONFLY_FUZZ'] ?? 0);
const [rounds, requests] = long > 0 ? [long, 500] : [1, 150];
/** Short runs are all alike; long ones are not. */
const firstSeed = long > 0 ? Math.floor(Math.random() * 1e6) : 1;

it(
  `${rounds * requests} requests of every sender are answered as the document says, without a fault and with nothing of others`,
  async () => {
    const found: Found = { answers: new Map(), faults: new Set() };
    for (let n = 0; n < rounds; n += 1) await fuzzRound(firstSeed + n, requests, found);
    expect([...found.faults]).toEqual([]);
    expect(found.answers.get('full 200')).toBeGreaterThan(2);
    expect(found.answers.get('limited 403')).toBeGreaterThan(1);
  },
  30_000 + rounds * 60_000,
);
