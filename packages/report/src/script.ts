/**
 * The page's only script: heads of sortable tables sort their rows, and the field beside them leaves those that hold its text. Written for browsers as
 * they are; the page allows it by its hash and nothing else.
 */
export const SCRIPT = `
for (const box of document.querySelectorAll('.sortable')) {
  const body = box.querySelector('tbody')
  const heads = [...box.querySelectorAll('thead th')]
  const rows = [...body.rows]
  const keyOf = (row, column) => {
    const cell = row.cells[column]
    return cell.dataset.by === undefined ? cell.textContent.trim() : Number(cell.dataset.by)
  }
  const compare = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true }))
  heads.forEach((head, column) => {
    head.querySelector('button').addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending'
      for (const other of heads) other.removeAttribute('aria-sort')
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending')
      const sorted = [...rows].sort((a, b) => compare(keyOf(a, column), keyOf(b, column)) * (down ? -1 : 1))
      body.append(...sorted)
    })
  })
  const field = box.querySelector('input')
  const shown = box.querySelector('.shown')
  field.addEventListener('input', () => {
    const text = field.value.trim().toLowerCase()
    let count = 0
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(text)
      if (!row.hidden) count++
    }
    shown.textContent = text === '' ? '' : count + ' of ' + rows.length
  })
}
`
