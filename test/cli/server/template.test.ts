// The templates that come with the package: each is one that this server takes and its agent can run.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkFields } from '../../../src/actions/fields.ts';
import { parseChecksum } from '../../../src/model/image/checksum.ts';
import { readExamples } from '../../../src/cli/server/examples.ts';
import { template } from '../../../src/cli/server/template.ts';
import { templateActions, type Template } from '../../../src/model/documents/template.ts';
import { checkin, startServer } from '../../server/harness.ts';
import { runCommand } from '../run-command.ts';

const examples = readExamples();

/** An action of this name. */
function isName(name: string): name is keyof typeof templateActions {
  return Object.hasOwn(templateActions, name);
}

describe.each(examples)('the example $name', ({ name, text, description }) => {
  const document: Template = parse(text);

  it('is described, and named as its file', () => {
    expect(description).toMatch(/^[A-Z].{20,}[^.]$/);
    expect(document.metadata.name).toBe(name);
  });

  it('is taken, planned without a warning of misspelt variables, and filled in', async () => {
    const server = await startServer();
    const disks = [{ name: 'vda', size_bytes: 64e9, type: 'ssd', serial: 'S1' }];
    const { body } = await server.call('POST', '/api/agent/checkin', {
      body: { ...checkin(1), disks },
    });
    const put = await server.call('PUT', `/api/templates/${name}`, {
      body: text,
      headers: { 'content-type': 'application/yaml' },
    });
    expect(put.status).toBeLessThan(300);
    const plan = await server.call('POST', '/api/workflows', {
      body: { machine_id: body.machine_id, template: name, dry_run: true },
    });
    expect(plan.status).toBe(200);
    expect(plan.body.actions).toHaveLength(document.spec.actions.length);
    expect(plan.body.warnings.join(' ')).not.toMatch(/is not a variable|has no checksum/);
    const filled = await server.call(
      'GET',
      `/api/templates/${name}/render?machine_id=${body.machine_id}`,
    );
    expect(JSON.stringify(filled.body)).not.toContain('{{');
  });

  it('has only fields that the agent knows, and an end that does not hang', () => {
    for (const action of document.spec.actions) {
      expect(isName(action.action)).toBe(true);
      checkFields(action.action, action);
    }
    const images = document.spec.actions.filter((action) => action.action === 'image2disk');
    for (const { checksum } of images) {
      expect(
        parseChecksum(String(checksum).replace('{{ server }}', 'http://server')),
      ).toBeDefined();
    }
    expect(document.spec.timeout).toBeGreaterThan(0);
  });
});

describe('template examples', () => {
  it('lists each with its description', async () => {
    const { code, stdout } = await runCommand(template, ['examples']);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(examples.length);
    for (const { description } of examples) expect(stdout).toContain(description);
    expect(examples.map(({ name }) => name)).toEqual([
      'debian-cloud',
      'debian-debootstrap',
      'debian-raw',
      'hello',
      'kexec',
      'rocky-cloud',
      'ubuntu-cloud',
    ]);
  });

  it('prints one, as the server takes it', async () => {
    const { stdout } = await runCommand(template, ['examples', 'kexec']);
    expect(parse(stdout)).toMatchObject({ kind: 'Template', metadata: { name: 'kexec' } });
    await expect(runCommand(template, ['examples', 'none'])).rejects.toThrow('there is no example');
  });
});
