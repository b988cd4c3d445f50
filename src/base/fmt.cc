// SPDX-License-Identifier: Apache-2.0
// The bodies of fmt's functions, compiled once for all programs: Debian's libfmt-dev has headers
// and a shared library, and our programs are static (docs/decisions/0006). What format.h declares
// as `extern template` and what formatting calls from other files is instantiated here.
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {
template FMT_API auto dragonbox::to_decimal(float x) noexcept -> dragonbox::decimal_fp<float>;
template FMT_API auto dragonbox::to_decimal(double x) noexcept -> dragonbox::decimal_fp<double>;
template FMT_API auto thousands_sep_impl<char>(locale_ref locale) -> thousands_sep_result<char>;
template FMT_API auto decimal_point_impl(locale_ref locale) -> char;
template FMT_API void buffer<char>::append(const char* begin, const char* end);
template FMT_API void vformat_to(buffer<char>& out, string_view format,
                                 basic_format_args<buffer_context<char>> args, locale_ref locale);
}  // namespace detail
FMT_END_NAMESPACE
