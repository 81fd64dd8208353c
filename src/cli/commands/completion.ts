import { printLine } from "../../host/print.ts";
import { unknownWord } from "../../view/nearest.ts";
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from "../complete/shell-scripts.ts";
import { defineCommand } from "../line/command.ts";
import { globalFlags } from "../line/global-flags.ts";

const LABEL = "completion";

/** `completion`: what a shell reads to complete our command lines. */
export const completion = defineCommand({
  meta: { name: LABEL, description: "Print what lets your shell complete commands, flags, moots, members and topics" },
  help: {
    examples: [
      "entmootd completion bash >> ~/.bash_completion",
      'eval "$(entmootd completion zsh)"',
      "entmootd completion fish > ~/.config/fish/completions/entmootd.fish",
    ],
    exits: [0, 1, 5],
    words: ["shell"],
    notes: [
      'bash, zsh: eval "$(entmootd completion bash)" in .bashrc, or with zsh in .zshrc behind compinit. fish: the file above.',
      "PowerShell: entmootd completion powershell | Out-String | Invoke-Expression, in $PROFILE.",
      "The shell then asks this program at each tab. It answers from the daemon or the data root within a tenth of a second,",
      "starts nothing and changes nothing.",
    ],
  },
  args: {
    ...globalFlags,
    shell: { type: "positional", required: true, valueHint: SHELLS.join("|"), description: "which shell" },
  },
  run({ args }) {
    const shell = SHELLS.find((each) => each === args.shell);
    if (shell === undefined) throw unknownWord(`${LABEL}: SHELL`, args.shell, SHELLS);
    printLine(COMPLETION_SCRIPTS[shell satisfies Shell].trimEnd());
  },
});
