// The watchdogs, which restart a machine that no longer answers.
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';

const base = '/sys/class/watchdog';

export const watchdogsProbe: Probe<'watchdogs'> = {
  name: 'watchdogs',
  async read(root, report) {
    const read = new Reading(root, 'watchdogs', report);
    const names = await read.list(base);
    return (
      names &&
      (await Promise.all(
        names.map(async (name) => {
          const [identity, state, timeout, noWayOut] = await Promise.all([
            read.value(`${base}/${name}/identity`),
            read.value(`${base}/${name}/state`),
            read.number(`${base}/${name}/timeout`),
            read.value(`${base}/${name}/nowayout`),
          ]);
          return {
            device: `/dev/${name}`,
            identity: identity ?? null,
            state: state ?? null,
            timeout_seconds: timeout ?? null,
            no_way_out: noWayOut === undefined ? null : noWayOut === '1',
          };
        }),
      ))
    );
  },
};
