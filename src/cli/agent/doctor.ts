// `doctor`: finds what stops this machine from being provisioned, and names the next step for each.
import type { Finding } from '../../doctor/finding.ts';
import type { Identity } from '../../model/inventory.ts';
import { agentSettings } from '../../agent/settings/settings.ts';
import { agentConfiguration } from './agent-settings.ts';
import { command, type Args, type Io } from '../command.ts';
import { asData, formatOptions } from '../formats.ts';
import { hostOptions, inventoryOptions, type HostArgs } from './host-options.ts';
import { consoleColumns, wrap } from '../text/table.ts';

/** The `doctor` command of the agent. Exit code 1: something failed. */
export const doctor = command({
  name: 'doctor',
  describe: 'find what stops this machine from being provisioned',
  examples: ['doctor', 'doctor --root machine.tar.gz'],
  settings: { url: agentSettings.url, ca_sha256: agentSettings.ca_sha256 },
  options: {
    ...hostOptions,
    ...formatOptions,
  },
  async run(args, io) {
    const [{ openRoot }, { examineHost }, { deadlines }] = await Promise.all([
      import('../../sources/open.ts'),
      import('../../doctor/doctor.ts'),
      import('../../inventory/inventory.ts'),
    ]);
    const options = inventoryOptions(args, io.signal);
    const root = await openRoot(args.root, deadlines(options));
    const host = await examineHost(root, options);
    const findings = [...host.findings, ...(await examineServers(args, io, host.identity))];
    const verdict = worst(findings);
    io.print((await asData(args, { verdict, findings })) ?? findingsText(findings));
    return verdict === 'fail' ? 1 : 0;
  },
});

/** A capture is examined elsewhere, and from there a server is tried only if a flag names it. */
async function examineServers(
  args: HostArgs & Args,
  io: Io,
  identity: Identity,
): Promise<Finding[]> {
  const isElsewhere = args.root !== '/';
  if (isElsewhere && args['server'] === undefined) return [];
  const [{ openRoot }, { systemClock }, { serverFindings }, { splitZone }] = await Promise.all([
    import('../../sources/open.ts'),
    import('../../core/clock.ts'),
    import('../../doctor/server-findings.ts'),
    import('../../transport/address.ts'),
  ]);
  const { values } = await agentConfiguration(args, io, await openRoot('/'));
  if (values.url === undefined) {
    const { warn } = await import('../../doctor/finding.ts');
    return [warn('server', 'none is known', 'name it: doctor --server URL')];
  }
  const findings: Finding[] = [];
  for (const text of values.url.split(',')) {
    const caSha256 = values.ca_sha256;
    const { signal, timeoutMs } = inventoryOptions(args, io.signal);
    const { url, zone } = splitZone(text);
    const options = { clock: systemClock, signal, timeoutMs, caSha256, identity, zone };
    findings.push(...(await serverFindings(new URL(url), options)));
  }
  return findings;
}

function worst(findings: readonly Finding[]): Finding['verdict'] {
  const verdicts = new Set(findings.map((finding) => finding.verdict));
  return verdicts.has('fail') ? 'fail' : verdicts.has('warn') ? 'warn' : 'pass';
}

const marks = { pass: 'pass', warn: 'WARN', fail: 'FAIL' } as const;

function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = ' '.repeat(width + 8);
  const lines = findings.flatMap(({ check, verdict, message, next }) => {
    const body = [
      ...wrap(message.replaceAll(/\p{C}/gu, '?'), consoleColumns - indent.length),
      ...(next === null ? [] : wrap(`-> ${next}`, consoleColumns - indent.length)),
    ];
    return body.map((line, i) =>
      i === 0 ? `${marks[verdict]}  ${check.padEnd(width)}  ${line}` : `${indent}${line}`,
    );
  });
  const count = (verdict: Finding['verdict']): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const warnings = count('warn') === 1 ? '1 warning' : `${count('warn')} warnings`;
  const total = `${count('pass')} passed, ${warnings}, ${count('fail')} failed`;
  return `${[...lines, '', total].join('\n')}\n`;
}
