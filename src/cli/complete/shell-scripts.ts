/** Shells whose completion is known. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;
export type Shell = (typeof SHELLS)[number];

/*
 * Each script asks `entmootd complete` what may come next: the program that was typed, or the one on PATH. The first line of
 * the answer is `words`, `files` or `folders`; each further line is a word, a tab and what it is. Nothing of the answer is
 * ever run or expanded by the shell.
 */
const BASH = `# bash completion for entmootd; switch it on with: eval "$(entmootd completion bash)"
_entmootd() {
  local program=\${COMP_WORDS[0]} answer line
  type -P -- "$program" >/dev/null 2>&1 || program=entmootd
  COMPREPLY=()
  answer=$("$program" complete -shell bash -- "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null) || return 0
  case $answer in
    files*) compopt -o default 2>/dev/null; return 0 ;;
    folders*) compopt -o dirnames 2>/dev/null; return 0 ;;
  esac
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(printf '%s\\n' "$answer" | tail -n +2)
}
complete -F _entmootd entmootd entmoot
`;

const ZSH = `#compdef entmootd entmoot
# zsh completion for entmootd; switch it on with: eval "$(entmootd completion zsh)", after compinit
_entmootd() {
  local program=\${(Q)words[1]} answer line tab=$'\\t'
  local -a ahead values notes
  whence -p -- "$program" >/dev/null 2>&1 || program=entmootd
  (( CURRENT > 2 )) && ahead=("\${(@Q)words[2,CURRENT-1]}")
  answer=$("$program" complete -shell zsh -- "\${ahead[@]}" "\${(Q)PREFIX}" 2>/dev/null) || return 1
  case $answer in
    files*) [[ $PREFIX == -*=* ]] && compset -P '*='; _files; return ;;
    folders*) [[ $PREFIX == -*=* ]] && compset -P '*='; _files -/; return ;;
  esac
  for line in "\${(@f)answer}"; do
    [[ $line == *$tab* ]] || continue
    values+=("\${line%%$tab*}")
    if [[ -n \${line#*$tab} ]]; then notes+=("\${line%%$tab*}  -- \${line#*$tab}"); else notes+=("\${line%%$tab*}"); fi
  done
  (( \${#values} )) || return 1
  compadd -l -d notes -a -- values
}
if [[ \${funcstack[1]} == _entmootd ]]; then _entmootd "$@"; else compdef _entmootd entmootd entmoot; fi
`;

const FISH = `# fish completion for entmootd; switch it on with: entmootd completion fish | source
function __entmootd_complete
  set -l ahead (commandline -opc)
  set -l word (commandline -ct)
  set -l program $ahead[1]
  type -q -- $program; or set program entmootd
  set -e ahead[1]
  set -l answer (command $program complete -shell fish -- $ahead $word 2>/dev/null); or return
  switch "$answer[1]"
    case files
      __fish_complete_path (string replace -r -- '^-[^=]*=' '' $word)
    case folders
      __fish_complete_directories (string replace -r -- '^-[^=]*=' '' $word) ''
    case '*'
      test (count $answer) -gt 1; and printf '%s\\n' $answer[2..-1]
  end
end
for name in entmootd entmoot
  complete -c $name -f -k -a '(__entmootd_complete)'
end
`;

const POWERSHELL = `# PowerShell completion for entmootd; switch it on with: entmootd completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName entmootd, entmoot, entmootd.exe -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $ahead = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object {
    if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
  })
  $word = $wordToComplete -replace "^['\`"]", '' -replace "['\`"]$", ''
  $program = $commandAst.CommandElements[0].Extent.Text
  if (-not (Get-Command $program -CommandType Application -ErrorAction Ignore)) { $program = 'entmootd' }
  # An empty argument would be lost on its way in Windows PowerShell.
  if ($word -eq '') { $answer = @(& $program complete -shell powershell -empty -- @ahead 2>$null) }
  else { $answer = @(& $program complete -shell powershell -- @ahead $word 2>$null) }
  if ($answer.Count -lt 2 -or $answer[0] -ne 'words') { return }
  $answer | Select-Object -Skip 1 | ForEach-Object {
    $text, $note = $_ -split "\`t", 2
    if (-not $note) { $note = $text }
    # Bare, --% ends all reading, and what begins with a dash is parted at a dot or colon. A curly quote ends such a string too; two
    # of them are one in it.
    $written = if ($text -match "[^\\w@%+=:./\\\\-]|^@|^--$|^-.*[^\\w=-]") { "'" + ($text -replace "['\\u2018-\\u201b]", '$0$0') + "'" } else { $text }
    [System.Management.Automation.CompletionResult]::new($written, $text, 'ParameterValue', $note)
  }
}
`;

/** What the shell is to read at its start. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};
