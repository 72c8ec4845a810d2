// The form that asks for an operator's token.
import { useState } from 'preact/hooks';
import { useServices } from './context.ts';
import { messageOf } from './session.ts';

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const { session } = useServices();
  const [token, setToken] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | undefined>(
    session.hasToken ? 'This token is not valid, or no longer valid.' : undefined,
  );

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    session.setToken(token.trim());
    try {
      await session.request('/api/machines?limit=1');
      onSignedIn();
    } catch (err) {
      session.forgetToken();
      setProblem(messageOf(err));
      setBusy(false);
    }
  };

  return (
    <main class="sign-in">
      <form class="card" onSubmit={(event) => void submit(event)}>
        <h1>Dragonfly</h1>
        <p>
          This server needs an operator token. Its administrator creates one with{' '}
          <code>dragonfly-server token create</code>.
        </p>
        <label>
          Operator token
          <input
            type="password"
            name="token"
            autoComplete="off"
            autoFocus
            required
            value={token}
            aria-invalid={problem !== undefined}
            aria-describedby="sign-in-problem"
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <p id="sign-in-problem" class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={busy || token.trim() === ''}>
          Sign in
        </button>
        <p class="quiet">The token is kept in this tab only, and is forgotten when you close it.</p>
      </form>
    </main>
  );
}
