/* span.c - comparing spans, and walking through comma-separated ones */
#include "codec/span.h"

#include "codec/chars.h"

bool rota__span_equal_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (char_lower(a.at[i]) != char_lower(b.at[i]))
			return false;
	return true;
}

/* The comma that ends the element, or the end.  A backslash inside quotes hides what follows it. */
static const char *element_end(const char *p, const char *end)
{
	bool quoted = false;

	for (; p < end; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\' && quoted && p + 1 < end)
			p++;
		else if (*p == ',' && !quoted)
			break;
	}
	return p;
}

bool rota__span_next_element(struct span *list, struct span *ret_element)
{
	const char *end, *comma;

	if (list->at == NULL)
		return false;
	end = list->at + list->len;
	comma = element_end(list->at, end);
	*ret_element = span_trim(span_between(list->at, comma));
	*list = comma < end ? span_between(comma + 1, end) : (struct span){ NULL, 0 };
	return true;
}
