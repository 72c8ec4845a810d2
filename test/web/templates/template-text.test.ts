import { describe, expect, test } from 'vitest';
import { documentOf, lineOf, newText, textOf } from '../../../src/web/templates/template-text.ts';
import { templateFault } from '../../../src/server/rules/templates.ts';
import type { Template } from '../../../src/model/documents/template.ts';

const text = `kind: Template
metadata:
  name: x
spec:
  actions:
    # A comment moves what follows.
    - action: image2disk

      url: ""
    - {action: writefile, path: /a,
       content: b}
    - action: reboot
`;

describe('the text of a template', () => {
  test.each([
    ['metadata.name', 3],
    ['spec.actions[0]', 7],
    ['spec.actions[0].url', 9],
    ['spec.actions[1].content', 11],
    ['spec.actions[2].delay', 12],
    ['spec.actions[9].url', 5],
    ['spec.version', 4],
    ['apiVersion', undefined],
    ['', undefined],
  ])('has %s on line %s, or what should have it', (path, line) => {
    expect(lineOf(text, path)).toBe(line);
  });

  test('is read back as it was written, whatever integers and texts it has', () => {
    const template: Template = {
      apiVersion: 'dragonfly.computer/v1',
      kind: 'Template',
      metadata: { name: 'x' },
      spec: {
        timeout: 2n ** 60n,
        actions: [
          {
            action: 'writefile',
            path: '/etc/motd',
            mode: '0644',
            content: `no: yes\n  {{ hostname }}\n\ttab ${'long '.repeat(60)}\n`,
          },
          { action: 'reboot' },
        ],
      },
    };
    expect(documentOf(textOf(template))).toEqual({ value: template });
  });

  test.each([
    ['a: [1\nb: 2\n', 2],
    ['a: 1\na: 2\n', 2],
    ['a: "x\n', 2],
  ])('that is no YAML is at fault on a line: %j', (broken, line) => {
    const read = documentOf(broken);
    expect(read).toMatchObject({ fault: { line } });
    expect(JSON.stringify(read)).not.toContain('at line');
  });

  test.each([
    ['a: *nothing\n', 'nothing'],
    [`a: &a [x]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]\n`, 'alias'],
  ])('with an alias of nothing, or of too much, is at fault: %j', (broken, why) => {
    const message = expect.stringContaining(why);
    expect(documentOf(broken)).toEqual({ fault: { line: undefined, message } });
  });

  test('is read by the rules of YAML 1.2, whatever a directive says', () => {
    const read = documentOf('%YAML 1.1\n---\nmode: 010\nanswer: yes\n');
    expect(read).toEqual({ value: { mode: 10n, answer: 'yes' } });
  });

  test.each(['123', 'true', '1.5', 'null', 'debian-13'])(
    'of a new template is named %s',
    (name) => {
      expect(documentOf(newText(name))).toMatchObject({ value: { metadata: { name } } });
    },
  );

  test('of a new template passes the check of the server', () => {
    const read = documentOf(newText('debian-13'));
    expect(read).toMatchObject({ value: { metadata: { name: 'debian-13' } } });
    const value = 'value' in read ? read.value : undefined;
    const plain: unknown = JSON.parse(
      JSON.stringify(value, (_key, item: unknown) =>
        typeof item === 'bigint' ? Number(item) : item,
      ),
    );
    expect(templateFault(plain)).toBeUndefined();
  });
});
