// The dialog that enters a machine before it boots.
import { useState } from 'preact/hooks';
import { createMachine } from '../api.ts';
import { useServices } from '../context.ts';
import { TemplateSelect } from '../machine/template-select.tsx';
import { Dialog } from '../parts/parts.tsx';
import { messageOf } from '../session.ts';
import { tagsOf } from './bulk-dialogs.tsx';

interface AddProps {
  readonly onClose: () => void;
  /** Told in a sentence what was done. */
  readonly onDone: (message: string) => void;
}

export function AddMachine({ onClose, onDone }: AddProps) {
  const { session } = useServices();
  const [mac, setMac] = useState('');
  const [name, setName] = useState('');
  const [tags, setTags] = useState('');
  const [template, setTemplate] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | undefined>();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      const machine = await createMachine(session, {
        mac: mac.trim(),
        tags: tagsOf(tags),
        ...(name.trim() === '' ? {} : { name: name.trim() }),
        ...(template === '' ? {} : { os_choice: template }),
      });
      onDone(`${machine.config.hostname ?? machine.config.memorable_name} added.`);
    } catch (err) {
      setProblem(messageOf(err));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Add a machine" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          MAC address
          <input
            name="mac"
            autoFocus
            autoComplete="off"
            required
            placeholder="3c:ec:ef:07:14:50"
            value={mac}
            onInput={(event) => setMac(event.currentTarget.value)}
          />
        </label>
        <label>
          Host name
          <input
            name="name"
            autoComplete="off"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label>
          Tags
          <input
            name="tags"
            autoComplete="off"
            placeholder="rack-4, gpu"
            value={tags}
            onInput={(event) => setTags(event.currentTarget.value)}
          />
        </label>
        <TemplateSelect label="Template" value={template} onChange={setTemplate} />
        <p class="quiet">Its first check-in is matched with this record.</p>
        <p class="problem" role="alert">
          {problem}
        </p>
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy}>
            {busy ? 'Working…' : 'Add'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
